package wire

import (
	"fmt"
	"net"
	"sync"
)

// A Proxy forwards connections to a server. It is safe for concurrent use.
type Proxy struct {
	target   string
	choose   func(method string) *Fault
	listener net.Listener
	ended    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	links  map[*link]bool
}

// NewProxy begins to forward to a server without TLS. choose is asked for each call, by its method's full name such as
// "/google.pubsub.v1.Publisher/Publish", what is to happen to it, nil for nothing; it must be safe for concurrent use.
func NewProxy(target string, choose func(method string) *Fault) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &Proxy{target: target, choose: choose, listener: listener, links: map[*link]bool{}}
	p.ended.Go(p.serve)
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close cuts all connections and waits for their end.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for link := range p.links {
		link.cut()
	}
	p.mu.Unlock()
	p.ended.Wait()
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.link(client.(*net.TCPConn), server.(*net.TCPConn))
	}
}

func (p *Proxy) link(client, server *net.TCPConn) {
	l := newLink(client, server, p.choose)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.cut()
		return
	}
	p.links[l] = true
	p.ended.Go(func() {
		l.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}
