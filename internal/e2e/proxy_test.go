package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between a receiver and a backend, and can cut them off from each other.
type proxy struct {
	host string

	mu          sync.Mutex
	target      string // "" refuses connections
	silent      bool   // accepts connections and bytes, and never answers
	connections map[net.Conn]bool
}

// newProxy forwards to target, until told otherwise.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{host: listener.Addr().String(), target: target, connections: map[net.Conn]bool{}}
	go p.serve(listener)
	t.Cleanup(func() {
		_ = listener.Close()
		p.refuse()
	})
	return p
}

// forward leads new connections to a target.
func (p *proxy) forward(target string) { p.change(target, false) }

// refuse cuts every connection, and new ones as soon as they are made.
func (p *proxy) refuse() { p.change("", false) }

// silence cuts every connection; new ones are accepted and hear nothing.
func (p *proxy) silence() { p.change("", true) }

func (p *proxy) change(target string, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target, p.silent = target, silent
	for connection := range p.connections {
		_ = connection.Close()
	}
	clear(p.connections)
}

func (p *proxy) serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		p.connect(connection)
	}
}

func (p *proxy) connect(from net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent {
		p.connections[from] = true
		go func() { _, _ = io.Copy(io.Discard, from) }()
		return
	}
	to, err := net.Dial("tcp", p.target)
	if p.target == "" || err != nil {
		_ = from.Close()
		return
	}
	p.connections[from], p.connections[to] = true, true
	go pipe(from, to)
	go pipe(to, from)
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
