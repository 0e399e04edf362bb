// Package load sends requests that are serialised beforehand over connections that stay open, so
// that the sender takes as little as it can of the machine that it shares with the program that
// answers.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// timeout bounds one request.
const timeout = 30 * time.Second

// Serialise returns the bytes of a POST.
func Serialise(path string, header http.Header, body []byte) []byte {
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(body))
	_ = header.Write(&request) // a buffer takes all
	request.WriteString("\r\n")
	request.Write(body)
	return request.Bytes()
}

// A Conn is one connection. It is not safe for concurrent use.
type Conn struct {
	conn   net.Conn
	answer *bufio.Reader
}

// Dial connects to an address.
func Dial(ctx context.Context, address string) (*Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn, answer: bufio.NewReader(conn)}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Do sends one request and returns the status of its answer, whose body it reads and forgets.
func (c *Conn) Do(request []byte) (status int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	line, err := c.answer.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if status, err = statusOf(line); err != nil {
		return 0, err
	}
	length, err := c.readHeader()
	if err != nil {
		return 0, err
	}
	_, err = io.CopyN(io.Discard, c.answer, length)
	return status, err
}

func statusOf(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) < 2 {
		return 0, errors.New("the answer has no status line")
	}
	return strconv.Atoi(string(fields[1]))
}

var contentLength = []byte("content-length:")

// readHeader reads up to the body and returns the body's length.
func (c *Conn) readHeader() (int64, error) {
	length := int64(-1)
	for {
		line, err := c.answer.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(line[len(contentLength):])), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, errors.New("the answer does not say how long it is")
	}
	return length, nil
}

// Each calls do for 0 to n-1 from that many goroutines at a time, and returns how long all of it
// took. It stops at the first error, or when ctx ends.
func Each(ctx context.Context, n, parallel int, do func(worker, i int) error) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	begin := time.Now()
	for worker := range parallel {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(worker, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return time.Since(begin), context.Cause(ctx)
}

// A Pool is a number of connections to one address.
type Pool []*Conn

// DialPool opens them.
func DialPool(ctx context.Context, address string, n int) (Pool, error) {
	var pool Pool
	for range n {
		conn, err := Dial(ctx, address)
		if err != nil {
			pool.Close()
			return nil, err
		}
		pool = append(pool, conn)
	}
	return pool, nil
}

// Close ends all connections.
func (p Pool) Close() {
	for _, conn := range p {
		_ = conn.Close()
	}
}

// Send sends n requests over all connections at once, each of which must be answered with the
// status, and returns how long that took.
func (p Pool) Send(ctx context.Context, n, status int, request func(i int) []byte) (time.Duration, error) {
	return Each(ctx, n, len(p), func(worker, i int) error {
		got, err := p[worker].Do(request(i))
		if err == nil && got != status {
			err = fmt.Errorf("request %d was answered %d, not %d", i, got, status)
		}
		return err
	})
}
