// Package objects stores results in a Cloud Storage bucket: each object once, and whole or not at
// all.
//
//	w := bucket.Create(ctx, "static/batches/abc/batch.succeeded/batch.json", "application/json", nil)
//	if _, err := io.Copy(w, source); err != nil {
//		w.Abort() // nothing is visible
//	}
//	stored, err := w.Commit() // now it is, unless it was there before
//
// An object is created under the precondition that it does not exist, by an upload of bounded
// chunks with its CRC32C in the last one. So its name shows either nothing or all of it, and the
// first of two writers wins: the other one's Commit compares its bytes with what is there.
//
// With STORAGE_EMULATOR_HOST set, Cloud Storage's client talks to an emulator.
package objects

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

// ErrNotExist means that there is no such object.
var ErrNotExist = storage.ErrObjectNotExist

// ErrAborted is the error of a Write or Commit after Abort.
var ErrAborted = errors.New("the upload was aborted")

const (
	// chunk is how much of an object is in memory while it is uploaded, in bytes; Cloud Storage
	// wants a multiple of 256 KiB.
	chunk = 8 << 20

	// chunkTimeout bounds one try to send a chunk, and chunkDeadline all of them.
	chunkTimeout, chunkDeadline = 30 * time.Second, 90 * time.Second
)

// An Object is an object of the bucket.
type Object struct {
	Name        string
	ContentType string
	Size        int64 // bytes
	CRC32C      uint32
	Metadata    map[string]string
}

// Checksum returns the CRC32C as Cloud Storage writes it: base64 of its four bytes, the highest
// first.
func (o Object) Checksum() string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, o.CRC32C))
}

// Same reports whether two objects have the same content, by length and checksum.
func (o Object) Same(other Object) bool { return o.Size == other.Size && o.CRC32C == other.CRC32C }

// A Bucket is the place for results. It is safe for concurrent use.
type Bucket struct {
	client *storage.Client
	handle *storage.BucketHandle
	name   string
}

// Open returns the bucket with a name. It connects when it is first used.
func Open(ctx context.Context, name string, options ...option.ClientOption) (*Bucket, error) {
	// The other API for reads has a host of its own, which emulators do not serve.
	client, err := storage.NewClient(ctx, append([]option.ClientOption{storage.WithJSONReads()}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("open Cloud Storage: %w", err)
	}
	// Every call here is safe to repeat: reads, and creations under a precondition.
	handle := client.Bucket(name).Retryer(storage.WithPolicy(storage.RetryAlways), storage.WithMaxAttempts(4))
	return &Bucket{client: client, handle: handle, name: name}, nil
}

// Close ends the connections.
func (b *Bucket) Close() error { return b.client.Close() }

// URI returns where an object is, as gs://bucket/name.
func (b *Bucket) URI(name string) string { return "gs://" + b.name + "/" + name }

// Stat returns an object. ErrNotExist is in the error if there is none.
func (b *Bucket) Stat(ctx context.Context, name string) (Object, error) {
	attrs, err := b.handle.Object(name).Attrs(ctx)
	if err != nil {
		return Object{}, fmt.Errorf("look for object: %w", err)
	}
	return object(attrs), nil
}

// List returns the objects whose names begin with a prefix, by name.
func (b *Bucket) List(ctx context.Context, prefix string) ([]Object, error) {
	var found []Object
	all := b.handle.Objects(ctx, &storage.Query{Prefix: prefix})
	for {
		attrs, err := all.Next()
		if errors.Is(err, iterator.Done) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list objects: %w", err)
		}
		found = append(found, object(attrs))
	}
}

// NewReader returns the content of an object, which the caller closes, and its length in bytes.
// ErrNotExist is in the error if there is no such object. A read fails at the end if the checksum is
// another one.
func (b *Bucket) NewReader(ctx context.Context, name string) (content io.ReadCloser, size int64, err error) {
	r, err := b.handle.Object(name).NewReader(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read object: %w", err)
	}
	return r, r.Attrs.Size, nil
}

// Read returns the content of an object of at most limit bytes.
func (b *Bucket) Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	r, _, err := b.NewReader(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("read object: it is larger than %d bytes", limit)
	}
	return content, nil
}

// Create begins an object. The caller ends it with Commit or Abort.
func (b *Bucket) Create(ctx context.Context, name, contentType string, metadata map[string]string) *Writer {
	ctx, cancel := context.WithCancel(ctx)
	upload := b.handle.Object(name).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	upload.ContentType, upload.Metadata = contentType, metadata
	upload.ChunkSize, upload.ChunkTransferTimeout, upload.ChunkRetryDeadline = chunk, chunkTimeout, chunkDeadline
	return &Writer{bucket: b, ctx: ctx, cancel: cancel, upload: upload, written: Object{Name: name, ContentType: contentType, Metadata: metadata}}
}

// A Writer uploads one object. It is not safe for concurrent use.
type Writer struct {
	bucket  *Bucket
	ctx     context.Context
	cancel  context.CancelFunc
	upload  *storage.Writer
	written Object
	refused error // why Cloud Storage took no more, perhaps because the object exists; bytes are still counted
	aborted bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write adds bytes. It goes on without an error if the object turns out to be there already, so
// that Commit can compare.
func (w *Writer) Write(p []byte) (int, error) {
	if w.aborted {
		return 0, ErrAborted
	}
	w.written.Size += int64(len(p))
	w.written.CRC32C = crc32.Update(w.written.CRC32C, castagnoli, p)
	if w.refused != nil {
		return len(p), nil
	}
	n, err := w.upload.Write(p)
	if isRefused(err) {
		w.refused = err
		return len(p), nil
	}
	if err != nil {
		return n, fmt.Errorf("upload object: %w", err)
	}
	return n, nil
}

// Abort gives the upload up: nothing of it becomes visible. It does nothing after Commit.
func (w *Writer) Abort() {
	if w.aborted {
		return
	}
	w.aborted = true
	w.cancel()
	//lint:ignore SA1019 Cancelling the context, which the library recommends, does not wake a waiting Write.
	_ = w.upload.CloseWithError(ErrAborted) // its context is canceled, so it sends nothing
}

// Commit makes the object visible, and returns it. If there was one before, it returns that; a
// caller compares the two with Written.
func (w *Writer) Commit() (Object, error) {
	if w.aborted {
		return Object{}, ErrAborted
	}
	defer func() { w.aborted = true; w.cancel() }()
	if w.refused == nil {
		err := w.upload.Close()
		if err == nil {
			return object(w.upload.Attrs()), nil
		}
		if !isRefused(err) {
			return Object{}, fmt.Errorf("upload object: %w", err)
		}
		w.refused = err
	}
	stored, err := w.bucket.Stat(w.ctx, w.written.Name)
	if errors.Is(err, ErrNotExist) {
		return Object{}, fmt.Errorf("upload object: %w", w.refused) // refused for another reason
	}
	return stored, err
}

// Written returns what has been written so far.
func (w *Writer) Written() Object { return w.written }

// isRefused reports whether Cloud Storage's answer can mean that the object exists: 412 for the
// precondition, or 403 to somebody who may create objects but not overwrite them.
func isRefused(err error) bool {
	var answer *googleapi.Error
	return errors.As(err, &answer) && (answer.Code == http.StatusPreconditionFailed || answer.Code == http.StatusForbidden)
}

func object(attrs *storage.ObjectAttrs) Object {
	return Object{Name: attrs.Name, ContentType: attrs.ContentType, Size: attrs.Size, CRC32C: attrs.CRC32C, Metadata: attrs.Metadata}
}
