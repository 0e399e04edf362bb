// Package page shows an [inspect.Log] in a browser on the same machine: a live list of deliveries,
// and all that is known of each.
//
// The page is one document that loads nothing from elsewhere. Its data come as JSON, and changes as
// server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// It shows payloads, and everything that it shows comes from outside. So:
//
//   - It listens on loopback only.
//   - It refuses requests for another host, as of a foreign name that resolves to 127.0.0.1, and
//     requests from another origin.
//   - Data and actions need a token that only the printed URL has.
//   - A content security policy and trusted types have the browser run no script but the page's own,
//     whatever a payload says.
package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/inspect"
)

// ErrNotLoopback is returned by Serve for an address that other machines can reach.
var ErrNotLoopback = errors.New("the inspector shows payloads, and listens on loopback addresses alone")

// Options say what a page can do. All fields are optional.
type Options struct {
	Title string // what it looks at, such as "gemhook dev" or a project's name

	// Receiver is the URL that "copy as curl" posts to, without a path.
	Receiver string

	// Verify verifies a request that came in, with the receiver's keys. Nil: verification is not
	// shown.
	Verify func(context.Context, *inspect.Record) *explain.Report

	// Send sends a delivery again and returns a sentence that says what came of it. Nil: the page
	// is read-only.
	Send func(context.Context, *inspect.Record, Edit) (string, error)
}

// An Edit is how a delivery is to be sent again.
type Edit struct {
	Body  []byte // nil: as it was
	NewID bool   // as another delivery, which is not a duplicate
}

// A Page is a page that is being served.
type Page struct {
	log     *inspect.Log
	options Options
	token   string
	hosts   map[string]bool // those that requests may name
	address string
}

// Serve serves a page on an address of loopback until ctx ends; the port 0 is a free one. It
// returns once the page can be reached. The returned function waits for the end of the serving, and
// returns its error.
func Serve(ctx context.Context, address string, log *inspect.Log, options Options) (*Page, func() error, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, fmt.Errorf("address of the inspector: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, nil, fmt.Errorf("%w, not on %s", ErrNotLoopback, address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("start the inspector: %w", err)
	}
	p := newPage(log, listener.Addr().String(), options)
	server := &http.Server{
		Handler: p, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // Shutdown would wait for streams
	return p, func() error {
		defer stop()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the inspector: %w", err)
		}
		return nil
	}, nil
}

func newPage(log *inspect.Log, address string, options Options) *Page {
	_, port, _ := net.SplitHostPort(address) // of a listener
	return &Page{
		log: log, options: options, token: rand.Text(), address: address,
		hosts: map[string]bool{address: true, "localhost:" + port: true, "127.0.0.1:" + port: true, "[::1]:" + port: true},
	}
}

// URL returns the page's URL with its token, in the fragment: browsers do not send that anywhere.
func (p *Page) URL() string { return "http://" + p.address + "/#" + p.token }

// The parts of the document.
var (
	//go:embed page.html
	markup string
	//go:embed page.css
	style string
	//go:embed list.js
	listScript string
	//go:embed detail.js
	detailScript string
)

// script is the page's one script.
var script = "'use strict';\n" + listScript + detailScript

// document is the page as it is served.
var document = []byte(strings.NewReplacer("/*STYLE*/", style, "/*SCRIPT*/", script).Replace(markup))

// policy lets the browser use what is in the document, and talk to this server, and nothing else.
var policy = strings.Join([]string{
	"default-src 'none'",
	"script-src " + hash(script),
	"style-src " + hash(style),
	"img-src data:",
	"connect-src 'self'",
	"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	"require-trusted-types-for 'script'", "trusted-types 'none'",
}, "; ")

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
