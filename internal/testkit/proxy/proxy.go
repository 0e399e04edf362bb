// Package proxy stands between a client and its server, and breaks what is between them: a [Proxy]
// leads connections to its target, to none or into silence. One with [Options.Choose] also reads
// the frames of the HTTP/2 that it forwards, and breaks the connection at a chosen moment of a
// chosen gRPC call.
package proxy

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// Options are those of [New].
type Options struct {
	// Choose is asked for each call, by its method's full name such as
	// "/google.pubsub.v1.Publisher/Publish", what is to happen to it, nil for nothing. It must be
	// safe for concurrent use. Connections must be HTTP/2 without TLS.
	Choose func(method string) *Fault
}

// A Proxy forwards connections to a server. It is safe for concurrent use.
type Proxy struct {
	choose   func(method string) *Fault
	listener net.Listener
	ended    sync.WaitGroup

	mu     sync.Mutex
	target string // "": connections are refused
	silent bool   // connections and bytes are accepted, and never answered
	closed bool
	links  map[link]bool
}

// A link is one connection, client to proxy to server.
type link interface {
	run() // forwards until both directions have ended
	cut() // ends both
}

// New begins to forward to a target. Options may be nil.
func New(target string, options *Options) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &Proxy{target: target, listener: listener, links: map[link]bool{}}
	if options != nil {
		p.choose = options.Choose
	}
	p.ended.Go(p.serve)
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Forward cuts all connections and leads new ones to a target.
func (p *Proxy) Forward(target string) { p.change(target, false) }

// Refuse cuts all connections, and new ones as soon as they are made.
func (p *Proxy) Refuse() { p.change("", false) }

// Silence cuts all connections; new ones are accepted and hear nothing.
func (p *Proxy) Silence() { p.change("", true) }

func (p *Proxy) change(target string, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target, p.silent = target, silent
	for link := range p.links {
		link.cut()
	}
}

// Close cuts all connections and waits for their end.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.ended.Wait()
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.connect(client.(*net.TCPConn))
	}
}

func (p *Proxy) connect(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var l link
	switch {
	case p.silent:
		l = &silence{client}
	case p.target == "" || p.closed:
		_ = client.Close()
		return
	default:
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			return
		}
		if p.choose == nil {
			l = &plain{client, server.(*net.TCPConn)}
		} else {
			l = newFaulty(client, server.(*net.TCPConn), p.choose)
		}
	}
	p.links[l] = true
	p.ended.Go(func() {
		l.run()
		l.cut()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}

// silence is a link to nobody.
type silence struct{ client net.Conn }

func (s *silence) run() { _, _ = io.Copy(io.Discard, s.client) }
func (s *silence) cut() { _ = s.client.Close() }

// plain is a link that forwards all bytes.
type plain struct{ client, server net.Conn }

func (p *plain) run() {
	var up sync.WaitGroup
	up.Go(func() {
		defer p.cut()
		_, _ = io.Copy(p.server, p.client)
	})
	_, _ = io.Copy(p.client, p.server)
	p.cut()
	up.Wait()
}

func (p *plain) cut() { _, _ = p.client.Close(), p.server.Close() }
