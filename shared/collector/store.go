package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gemhook/gemhook/shared/objects"
)

// summaryKey is the metadata of the last object with what the result message needs beside the
// objects.
const summaryKey = "gemhook-result"

// A summary is what the last object of an event says of the others.
type summary struct {
	State    string    `json:"state,omitempty"`
	Requests *requests `json:"requests,omitempty"`
	Error    *failure  `json:"error,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Objects  int       `json:"objects"` // how many there are, this one included
}

// store is the part of the bucket that is an event's.
type store struct {
	bucket *objects.Bucket
	prefix string
}

// complete fills in the result from the bucket, if all of its objects are there.
func (s *store) complete(ctx context.Context, last string, result *result) (bool, error) {
	found, err := s.bucket.List(ctx, s.prefix)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errBucketUnavailable, err)
	}
	var known summary
	for _, object := range found {
		if object.Name == s.prefix+last && json.Unmarshal([]byte(object.Metadata[summaryKey]), &known) != nil {
			return false, nil
		}
	}
	if known.Objects == 0 || known.Objects != len(found) {
		return false, nil
	}
	result.State, result.Requests, result.Error, result.Reason = known.State, known.Requests, known.Error, known.Reason
	for _, object := range found {
		result.add(s.bucket.URI(object.Name), object)
	}
	return true, nil
}

// last stores the object that says that the others are whole.
func (s *store) last(ctx context.Context, name string, content []byte, result *result) error {
	result.shorten()
	known := summary{State: result.State, Requests: result.Requests, Error: result.Error, Reason: result.Reason, Objects: len(result.Objects) + 1}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false) // there is room for 8 KiB
	if err := encoder.Encode(known); err != nil {
		return fmt.Errorf("encode the summary: %w", err)
	}
	return s.put(ctx, name, "application/json", content, map[string]string{summaryKey: strings.TrimSpace(encoded.String())}, result)
}

// put stores an object whose content is in memory.
func (s *store) put(ctx context.Context, name, contentType string, content []byte, metadata map[string]string, result *result) error {
	w := s.bucket.Create(ctx, s.prefix+name, contentType, metadata)
	defer w.Abort()
	if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
		return fmt.Errorf("%w: %w", errBucketUnavailable, err)
	}
	return s.commit(w, result)
}

// commit ends an upload. An object that is there already is kept; the result says so if it has
// other bytes.
func (s *store) commit(w *objects.Writer, result *result) error {
	object, err := w.Commit()
	if err != nil {
		return fmt.Errorf("%w: %w", errBucketUnavailable, err)
	}
	if !object.Same(w.Written()) {
		result.note("%s was stored before with other content, which was kept.", strings.TrimPrefix(object.Name, s.prefix))
	}
	result.add(s.bucket.URI(object.Name), object)
	return nil
}
