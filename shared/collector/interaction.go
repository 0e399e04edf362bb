package collector

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"strconv"

	"github.com/gemhook/gemhook/shared/geminiapi"
)

const (
	interactionObject = "interaction.json"
	outputObject      = "output.md"

	// maxInteraction is how large a stored interaction can be, in bytes, as package geminiapi reads
	// them.
	maxInteraction = 32 << 20
)

// collectInteraction stores an interaction, its text, and the media that it links to.
func collectInteraction(ctx context.Context, t *task) error {
	done, err := t.store.complete(ctx, interactionObject, t.result)
	if err != nil {
		return err
	}
	if done {
		document, err := t.store.bucket.Read(ctx, t.store.prefix+interactionObject, maxInteraction)
		if err != nil {
			return fmt.Errorf("%w: %w", errBucketUnavailable, err)
		}
		if stored, err := geminiapi.ParseInteraction(document); err == nil {
			t.describe(stored)
		}
		return nil
	}
	interaction, err := t.gemini.Interaction(ctx, t.event.resourceID)
	switch {
	case err != nil:
		return jobError(err)
	case interaction.Status == "":
		return unavailablef(notUnderstood)
	case !interaction.Status.Ended():
		return errNotEnded
	}
	t.describe(interaction)
	if interaction.Text != "" {
		if err := t.store.put(ctx, outputObject, "text/markdown", []byte(interaction.Text), nil, t.result); err != nil {
			return err
		}
	}
	for i, media := range interaction.Media {
		if err := t.collectMedia(ctx, i, media); err != nil {
			return err
		}
	}
	return t.store.last(ctx, interactionObject, interaction.Document, t.result)
}

// describe takes what the message says of an interaction.
func (t *task) describe(interaction *geminiapi.Interaction) {
	t.result.State, t.result.Text = string(interaction.Status), interaction.Text
	if t.event.eventType == "interaction.requires_action" {
		t.result.FunctionCalls = interaction.FunctionCalls
	}
	if interaction.Error != nil {
		t.result.Error = &failure{Code: interaction.Error.Code, Message: interaction.Error.Message}
	}
}

// collectMedia stores an item of media. One that cannot be had leaves the rest of the result as it
// is.
func (t *task) collectMedia(ctx context.Context, number int, media geminiapi.Media) error {
	contentType, extension := media.MIMEType, ".bin"
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	if known, err := mime.ExtensionsByType(contentType); err == nil && len(known) > 0 {
		extension = known[0]
	}
	if contentType == "video/mp4" {
		extension = ".mp4"
	}
	err := t.download(ctx, media.URI, strconv.Itoa(number)+extension, contentType)
	if missing := (*unavailable)(nil); errors.As(err, &missing) {
		t.result.note("Media item %d: %s", number, missing.reason)
		return nil
	}
	return err
}
