package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/resultlines"
)

const (
	batchObject     = "batch.json"
	responsesObject = "responses.jsonl"
	failuresObject  = "failures.jsonl"
	jsonLines       = "application/jsonl"
)

// collectBatch stores a batch job and, if it succeeded, its responses.
func collectBatch(ctx context.Context, t *task) error {
	if done, err := t.store.complete(ctx, batchObject, t.result); done || err != nil {
		return err
	}
	batch, err := t.gemini.Batch(ctx, t.event.resourceID)
	if err != nil {
		return jobError(err)
	}
	switch {
	case batch.State == "" && !batch.Done:
		return unavailablef(notUnderstood)
	case !batch.State.Ended() && !batch.Done:
		return errNotEnded
	}
	t.result.State = string(batch.State)
	if batch.Error != nil {
		t.result.Error = &failure{Code: strconv.Itoa(batch.Error.Code), Message: batch.Error.Message}
	}
	if t.event.eventType == "batch.succeeded" {
		if err := t.collectResponses(ctx, batch); err != nil {
			return err
		}
	} else if stats := batch.Stats; stats != nil {
		t.result.Requests = &requests{Counts: resultlines.Counts{Total: stats.Total, Succeeded: stats.Succeeded, Failed: stats.Failed}}
	}
	return t.store.last(ctx, batchObject, batch.Document, t.result)
}

// collectResponses stores the responses and, in the same pass, the failures among them.
func (t *task) collectResponses(ctx context.Context, batch *geminiapi.Batch) error {
	failures := t.store.bucket.Create(ctx, t.store.prefix+failuresObject, jsonLines, nil)
	defer failures.Abort()
	responses := t.store.bucket.Create(ctx, t.store.prefix+responsesObject, jsonLines, nil)
	defer responses.Abort()
	lines := resultlines.New(failures)
	if err := t.copyResponses(ctx, batch, responses, lines); err != nil {
		return err
	}
	if err := lines.Close(); err != nil {
		return fmt.Errorf("%w: %w", errBucketUnavailable, err)
	}
	if err := t.store.commit(failures, t.result); err != nil {
		return err
	}
	if err := t.store.commit(responses, t.result); err != nil {
		return err
	}
	t.result.Requests = &requests{Counts: lines.Counts()}
	if stats, counted := batch.Stats, lines.Counts(); stats != nil &&
		(stats.Total != counted.Total || stats.Succeeded != counted.Succeeded || stats.Failed != counted.Failed) {
		t.result.Requests.Reported = &reported{Total: stats.Total, Succeeded: stats.Succeeded, Failed: stats.Failed}
	}
	return nil
}

// copyResponses writes the responses as lines, from wherever they are, to both writers.
func (t *task) copyResponses(ctx context.Context, batch *geminiapi.Batch, responses, lines io.Writer) error {
	pointer := batch.ResponsesFile
	if pointer == "" && batch.Inlined {
		return t.copyInline(ctx, io.MultiWriter(responses, lines))
	}
	if pointer == "" {
		pointer = t.event.file
	}
	if pointer == "" {
		return unavailablef("The job names no responses.")
	}
	source, err := t.fetch(ctx, pointer, responsesObject)
	if err != nil {
		return err
	}
	defer source.Close()
	return copyWhole(responses, lines, source)
}

// copyInline writes inline responses as lines of the same shape as a file's.
func (t *task) copyInline(ctx context.Context, w io.Writer) error {
	for response, err := range t.gemini.InlineResponses(ctx, t.event.resourceID) {
		if err != nil {
			return jobError(err)
		}
		line, err := inlineLine(response)
		if err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("%w: %w", errBucketUnavailable, err)
		}
	}
	return nil
}

// inlineLine has the key where a file's lines have it. Other members stay.
func inlineLine(response json.RawMessage) ([]byte, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(response, &members) == nil && members != nil {
		var metadata map[string]json.RawMessage
		if json.Unmarshal(members["metadata"], &metadata) == nil && metadata["key"] != nil && members["key"] == nil {
			members["key"] = metadata["key"]
			if delete(metadata, "key"); len(metadata) == 0 {
				delete(members, "metadata")
			} else {
				rest, err := json.Marshal(metadata)
				if err != nil {
					return nil, errors.New("encode an inline response")
				}
				members["metadata"] = rest
			}
		}
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(members); err != nil {
			return nil, errors.New("encode an inline response")
		}
		return line.Bytes(), nil
	}
	var line bytes.Buffer
	if err := json.Compact(&line, response); err != nil {
		return nil, errors.New("encode an inline response")
	}
	return append(line.Bytes(), '\n'), nil
}
