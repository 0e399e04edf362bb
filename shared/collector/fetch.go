package collector

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/objects"
)

// A source is the content of a file on its way. It keeps the error of a read, which io.Copy and its
// like do not tell from those of writes.
type source struct {
	body io.ReadCloser
	size int64 // in bytes; negative: not known
	from error // what is unavailable if a read fails
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Close ends the connection.
func (s *source) Close() error { return s.body.Close() }

// fetch opens a file of Gemini's. If the file is gone, it opens the object of this name, which an
// earlier collection may have stored: then what is missing beside it can still be made.
func (t *task) fetch(ctx context.Context, pointer, name string) (*source, error) {
	download, err := t.gemini.Download(ctx, pointer)
	if err == nil {
		return &source{body: download.Body, size: download.Size, from: errGeminiUnavailable}, nil
	}
	if !errors.Is(err, geminiapi.ErrNotFound) {
		return nil, fileError(err)
	}
	content, size, storedErr := t.store.bucket.NewReader(ctx, t.store.prefix+name)
	if errors.Is(storedErr, objects.ErrNotExist) {
		return nil, fileError(err)
	}
	if storedErr != nil {
		return nil, fmt.Errorf("%w: %w", errBucketUnavailable, storedErr)
	}
	return &source{body: content, size: size, from: errBucketUnavailable}, nil
}

// fileError sorts the errors of a download, after the job itself could be read.
func fileError(err error) error {
	switch {
	case errors.Is(err, geminiapi.ErrElsewhere):
		return unavailablef("The result lies where gemhook may not read.")
	case errors.Is(err, geminiapi.ErrNotFound):
		return unavailablef("The file with the result is gone.")
	case errors.Is(err, geminiapi.ErrInvalid):
		return unavailablef("The job names a file that has no valid name.")
	}
	return fmt.Errorf("%w: %w", errGeminiUnavailable, err)
}

// download stores a file of Gemini's.
func (t *task) download(ctx context.Context, pointer, name, contentType string) error {
	source, err := t.fetch(ctx, pointer, name)
	if err != nil {
		return err
	}
	defer source.Close()
	w := t.store.bucket.Create(ctx, t.store.prefix+name, contentType, nil)
	defer w.Abort()
	if err := copyWhole(w, io.Discard, source); err != nil {
		return err
	}
	return t.store.commit(w, t.result)
}

// copyWhole copies a file and compares its length with what was said of it. watch gets the bytes as
// well, before w.
func copyWhole(w, watch io.Writer, source *source) error {
	n, err := copyAhead(w, io.TeeReader(source, watch))
	switch {
	case source.err != nil:
		return fmt.Errorf("%w: read the file: %w", source.from, source.err)
	case err != nil:
		return fmt.Errorf("%w: %w", errBucketUnavailable, err)
	case source.size >= 0 && n != source.size:
		return fmt.Errorf("%w: the file has %d bytes instead of %d", source.from, n, source.size)
	}
	return nil
}
