package collector

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

const (
	operationObject = "operation.json"
	videoType       = "video/mp4"
)

// collectVideo stores the videos of an operation, and the operation.
func collectVideo(ctx context.Context, t *task) error {
	if done, err := t.store.complete(ctx, operationObject, t.result); done || err != nil {
		return err
	}
	operation, err := t.gemini.VideoOperation(ctx, t.event.resourceID)
	switch {
	case err != nil:
		return t.collectNamedVideo(ctx, jobError(err))
	case operation.Name == "" && !operation.Done:
		return t.collectNamedVideo(ctx, unavailablef(notUnderstood))
	case !operation.Done:
		return errNotEnded
	}
	t.result.State = "done"
	if operation.Error != nil {
		t.result.Error = &failure{Code: strconv.Itoa(operation.Error.Code), Message: operation.Error.Message}
	}
	var missing *unavailable
	for i, uri := range operation.Videos {
		err := t.download(ctx, uri, strconv.Itoa(i)+".mp4", videoType)
		if errors.As(err, &missing) {
			t.result.note("Video %d: %s", i, missing.reason)
		} else if err != nil {
			return err
		}
	}
	if len(operation.Videos) == 0 && len(operation.FilteredReasons)+operation.Filtered > 0 {
		missing = &unavailable{"All videos were filtered: " + strings.Join(operation.FilteredReasons, " ")}
	} else if len(operation.Videos) == 0 {
		missing = &unavailable{"The operation has no video."}
	}
	if len(t.result.Objects) == 0 {
		return missing
	}
	return t.store.last(ctx, operationObject, operation.Document, t.result)
}

// collectNamedVideo stores the video that the event itself names, where there is no operation by
// the event's id, which is of a form that is not documented, or none that can be read.
func (t *task) collectNamedVideo(ctx context.Context, cause error) error {
	if missing := (*unavailable)(nil); t.event.file == "" || !errors.As(cause, &missing) {
		return cause
	}
	return t.download(ctx, t.event.file, "0.mp4", videoType)
}
