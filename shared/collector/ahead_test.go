package collector

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// writerFunc is a function as a writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestCopyAhead(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{
		"nothing": 0, "a byte": 1, "less than a piece": pieceSize - 1, "a piece": pieceSize, "more than a piece": pieceSize + 1,
		"every piece more than twice": (2*pieces + 1) * pieceSize,
	} {
		t.Run(name, func(t *testing.T) {
			content := make([]byte, size)
			random := rand.NewChaCha8([32]byte{})
			_, _ = random.Read(content)
			var got bytes.Buffer
			n, err := copyAhead(&got, iotest.HalfReader(bytes.NewReader(content)))
			if err != nil || n != int64(size) || !bytes.Equal(got.Bytes(), content) {
				t.Errorf("copied %d, %v, the same: %t", n, err, bytes.Equal(got.Bytes(), content))
			}
		})
	}
}

// TestCopyAheadReadsOn wants what fits ahead to be read while the first write is not over.
func TestCopyAheadReadsOn(t *testing.T) {
	t.Parallel()
	reads := make(chan struct{}, 2*pieces)
	source := io.TeeReader(io.LimitReader(zeros{}, 2*pieces*pieceSize), writerFunc(func(p []byte) (int, error) {
		reads <- struct{}{}
		return len(p), nil
	}))
	begun := false
	n, err := copyAhead(writerFunc(func(p []byte) (int, error) {
		if !begun {
			begun = true
			for range pieces {
				<-reads
			}
		}
		return len(p), nil
	}), source)
	if err != nil || n != 2*pieces*pieceSize {
		t.Errorf("copied %d, %v", n, err)
	}
}

// zeros are bytes without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestCopyAheadFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		w    io.Writer
		r    io.Reader
		want error
		read int64 // at least
	}{
		"reading":            {io.Discard, io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken)), broken, 4},
		"a body that is cut": {io.Discard, io.MultiReader(strings.NewReader("some"), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF, 4},
		"the first write":    {writerFunc(func([]byte) (int, error) { return 0, broken }), zeros{}, broken, 0},
		"the last write":     {writerFunc(func([]byte) (int, error) { return 0, broken }), strings.NewReader("some"), broken, 4},
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := copyAhead(test.w, test.r); !errors.Is(err, test.want) || n < test.read {
				t.Errorf("copied %d, %v, want %d at least, %v", n, err, test.read, test.want)
			}
		})
	}
}

// TestCopyAheadPanics wants the writer to be at rest when a panic of the reader goes on.
func TestCopyAheadPanics(t *testing.T) {
	t.Parallel()
	written := 0
	defer func() {
		if recover() == nil || written != pieceSize {
			t.Errorf("%d bytes were written before a panic, want %d", written, pieceSize)
		}
	}()
	_, _ = copyAhead(writerFunc(func(p []byte) (int, error) {
		written += len(p)
		return len(p), nil
	}), io.MultiReader(io.LimitReader(zeros{}, pieceSize), panics{}))
}

// panics is a reader with a bug.
type panics struct{}

func (panics) Read([]byte) (int, error) { panic("a bug") }
