package collector

import (
	"io"
	"sync"
)

// How much of a file is read ahead of its upload, in bytes. An upload takes a chunk of 8 MiB at once
// and then nothing until it is sent: meanwhile the next chunk is read, and its lines are counted.
const (
	pieceSize = 1 << 20
	pieces    = 8
)

// copyAhead copies like io.Copy, but reads on while w is busy. It does not return before the last
// call of w has.
func copyAhead(w io.Writer, r io.Reader) (n int64, err error) {
	full, free, failed := make(chan []byte, pieces), make(chan []byte, pieces), make(chan error, 1)
	for range pieces {
		free <- nil // made when it is needed: most files are small
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for piece := range full {
			if _, err := w.Write(piece); err != nil {
				failed <- err
				return
			}
			free <- piece[:cap(piece)]
		}
	})
	defer func() { // when r panics, too
		close(full)
		writing.Wait()
		select {
		case failure := <-failed:
			if err == nil {
				err = failure
			}
		default:
		}
	}()
	for {
		var piece []byte
		select {
		case piece = <-free:
		case err = <-failed:
			return n, err
		}
		if piece == nil {
			piece = make([]byte, pieceSize)
		}
		read, readErr := fill(r, piece)
		n += int64(read)
		if read > 0 {
			full <- piece[:read]
		}
		if readErr == io.EOF {
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
	}
}

// fill reads until p is full, or r ends or fails.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var read int
		read, err = r.Read(p[n:])
		n += read
	}
	return n, err
}
