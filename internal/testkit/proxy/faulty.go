package proxy

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// faulty is a link that forwards frames, and has a fault happen where one is chosen.
type faulty struct {
	client, server *net.TCPConn
	choose         func(method string) *Fault
	hole           atomic.Bool   // whatever comes is swallowed
	closed         chan struct{} // by cut
	close          sync.Once

	mu    sync.Mutex
	calls map[uint32]*Fault // that wait for the server's answer, by stream
}

func newFaulty(client, server *net.TCPConn, choose func(method string) *Fault) *faulty {
	return &faulty{
		client: client, server: server, choose: choose,
		closed: make(chan struct{}), calls: map[uint32]*Fault{},
	}
}

// run forwards until both directions have ended.
func (l *faulty) run() {
	defer l.cut()
	var up sync.WaitGroup
	up.Go(func() {
		defer l.cut()
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(l.client, preface); err != nil {
			return
		}
		if _, err := l.server.Write(preface); err != nil {
			return
		}
		l.forward(l.client, l.server, l.requested)
	})
	l.forward(l.server, l.client, l.answered)
	l.cut()
	up.Wait()
}

// cut ends the connection at both ends.
func (l *faulty) cut() {
	l.close.Do(func() {
		close(l.closed)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// forward passes frames on, one by one, after asking what is to happen at each.
func (l *faulty) forward(from, to *net.TCPConn, faultAt func(http2.Frame) *Fault) {
	var raw bytes.Buffer
	framer := http2.NewFramer(io.Discard, io.TeeReader(from, &raw))
	framer.SetMaxReadFrameSize(1<<24 - 1)
	framer.ReadMetaHeaders = hpack.NewDecoder(1<<16, nil)
	framer.MaxHeaderListSize = 1 << 20
	for {
		raw.Reset()
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if fault := faultAt(frame); fault != nil && !l.hole.Load() {
			l.apply(fault)
		}
		if l.hole.Load() {
			continue
		}
		if _, err := to.Write(raw.Bytes()); err != nil {
			return
		}
	}
}

// requested is asked about each frame of the client.
func (l *faulty) requested(frame http2.Frame) *Fault {
	headers, begins := frame.(*http2.MetaHeadersFrame)
	if !begins {
		return nil
	}
	fault := l.choose(headers.PseudoValue("path"))
	if fault == nil || fault.Moment == BeforeServer {
		return fault
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[headers.StreamID] = fault
	return nil
}

// answered is asked about each frame of the server.
func (l *faulty) answered(frame http2.Frame) *Fault {
	if _, begins := frame.(*http2.MetaHeadersFrame); !begins {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fault := l.calls[frame.Header().StreamID]
	delete(l.calls, frame.Header().StreamID)
	return fault
}

func (l *faulty) apply(fault *Fault) {
	switch fault.Kind {
	case Delay:
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.closed:
		}
	case Cut:
		l.hole.Store(true) // to close with bytes unread would reset it
		_ = l.client.CloseWrite()
		_ = l.server.CloseWrite()
	case Reset:
		_ = l.client.SetLinger(0)
		l.cut()
	case BlackHole:
		l.hole.Store(true)
	}
}
