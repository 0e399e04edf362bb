package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
)

// What came of a forgery where it was not an answer.
const (
	closed   = -1 // the connection was closed
	noAnswer = -2 // nothing happened for so long that it counts as never
)

// forgery is one kind of request without a valid signature.
type forgery struct {
	want   int  // the status that refuses it
	closes bool // the connection may be closed instead, as the rest of the request is not read
	server bool // it is refused before the receiver sees it
	send   func(*forger) int
}

// forger sends forgeries of one kind, one after the other. It knows every URL, and what is
// published, and no secret.
type forger struct {
	url     string // of the receiver
	client  *http.Client
	gemini  *gemini.Gemini
	foreign *standin.Keys    // the forger's own
	late    standin.Delivery // one that was genuine
}

func newForger(t *testing.T, url string, g *gemini.Gemini, foreign *standin.Keys) *forger {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	old := gemini.NewDelivery(standin.Event("batch.succeeded"))
	old.Time = old.Time.Add(-time.Hour)
	return &forger{
		url: url, gemini: g, foreign: foreign, late: must(g.Keys.SignV1(old)),
		client: &http.Client{Transport: transport, Timeout: 20 * time.Second},
	}
}

var forgeries = map[string]forgery{
	"v1 with another secret": {want: 401, send: func(f *forger) int {
		return f.post("/", must(f.foreign.SignV1(f.delivery())))
	}},
	"v1 an hour old": {want: 401, send: func(f *forger) int { return f.post("/", f.late) }},
	"v1 junk": {want: 401, send: func(f *forger) int {
		return f.post("/", f.signedWith(junk("v1", 32, 8<<10)))
	}},
	"v1 too much junk": {want: 400, send: func(f *forger) int {
		return f.post("/", f.signedWith(junk("v1", 32, 256<<10)))
	}},
	"v1a with another key": {want: 401, send: func(f *forger) int {
		return f.post(gemini.DynamicPath(), must(f.foreign.SignV1a(f.delivery(), 0)))
	}},
	"v1a junk": {want: 401, send: func(f *forger) int {
		return f.post(gemini.DynamicPath(), f.signedWith(junk("v1a", 64, 8<<10)))
	}},
	"v1a to the static endpoint": {want: 401, send: func(f *forger) int {
		return f.post("/", must(f.foreign.SignV1a(f.delivery(), 0)))
	}},
	"another token in the URL": {want: 401, send: func(f *forger) int {
		return f.post("/dynamic/"+gemini.Tenant+"/"+random(32), must(f.foreign.SignV1a(f.delivery(), 0)))
	}},
	"jwt with an unknown key id": {want: 401, send: func(f *forger) int {
		return f.post(gemini.DynamicPath(), f.token(`{"alg":"RS256","kid":"`+random(12)+`"}`))
	}},
	"jwt with a known key id": {want: 401, send: func(f *forger) int {
		return f.post(gemini.DynamicPath(), f.token(`{"alg":"RS256","kid":"`+f.gemini.Keys.RSA[0].ID+`"}`))
	}},
	"jwt of no algorithm": {want: 401, send: func(f *forger) int { return f.post(gemini.DynamicPath(), f.token(`{"alg":"none"}`)) }},
	"jwt of brackets":     {want: 401, send: func(f *forger) int { return f.post(gemini.DynamicPath(), f.token(strings.Repeat("[", 5<<10))) }},
	"no headers":          {want: 400, send: func(f *forger) int { return f.post("/", f.delivery()) }},
	"repeated header": {want: 400, send: func(f *forger) int {
		d := f.signedWith("v1,")
		d.Header.Add("webhook-id", d.ID)
		return f.post("/", d)
	}},
	"huge header": {want: 400, send: func(f *forger) int {
		d := f.signedWith("v1,")
		d.Header.Set("webhook-id", strings.Repeat("i", 512<<10))
		return f.post("/", d)
	}},
	"header over 1 MiB": {want: 431, closes: true, server: true, send: func(f *forger) int {
		d := f.signedWith("v1,")
		d.Header.Set("webhook-id", strings.Repeat("i", 2<<20))
		return f.post("/", d)
	}},
	"huge body": {want: 413, closes: true, send: func(f *forger) int {
		d := f.signedWith("v1,")
		d.Body = make([]byte, 4<<20)
		return f.post("/", d)
	}},
	"endless body": {want: 413, closes: true, send: func(f *forger) int {
		return f.talk("Transfer-Encoding: chunked\r\n", func(to io.Writer) {
			for chunk := fmt.Sprintf("%x\r\n%s\r\n", 32<<10, make([]byte, 32<<10)); ; {
				if _, err := io.WriteString(to, chunk); err != nil {
					return
				}
			}
		})
	}},
	"slow body": {want: 400, send: func(f *forger) int {
		return f.talk("Content-Length: 100000\r\n", func(to io.Writer) {
			again := time.NewTicker(100 * time.Millisecond)
			defer again.Stop()
			for range again.C {
				if _, err := io.WriteString(to, "{"); err != nil {
					return
				}
			}
		})
	}},
	"silent body": {want: 400, send: func(f *forger) int { return f.talk("Content-Length: 100000\r\n", func(io.Writer) {}) }},
	"no HTTP":     {want: 400, server: true, send: func(f *forger) int { return f.talk("\x00\r\n", func(io.Writer) {}) }},
}

func (f *forger) delivery() standin.Delivery {
	return standin.Delivery{ID: "msg_" + random(16), Time: time.Now(), Body: standin.Event("batch.succeeded")}
}

// signedWith is a delivery with that text as its signature.
func (f *forger) signedWith(signature string) standin.Delivery {
	d := must(f.foreign.SignV1(f.delivery()))
	d.Header.Set(standin.HeaderSignature, signature)
	return d
}

// token is a delivery with a token of that header, good claims and no good signature.
func (f *forger) token(header string) standin.Delivery {
	claims := fmt.Sprintf(`{"aud":%q,"exp":%d,"type":"batch.succeeded"}`, gemini.Audience, time.Now().Add(time.Hour).Unix())
	encode := base64.RawURLEncoding.EncodeToString
	return f.signedWith(encode([]byte(header)) + "." + encode([]byte(claims)) + "." + random(256))
}

// junk returns a list of signatures of a version and a size, as long as fits into a number of
// bytes.
func junk(version string, size, total int) string {
	entry := version + "," + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, size)) + " "
	return strings.Repeat(entry, total/len(entry))
}

func random(size int) string {
	bytes := make([]byte, size)
	_, _ = rand.Read(bytes) // which never fails
	return base64.RawURLEncoding.EncodeToString(bytes)
}

func (f *forger) post(path string, d standin.Delivery) int {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, f.url+path, bytes.NewReader(d.Body))
	if err != nil {
		panic(err) // the URL is our own
	}
	if d.Header != nil {
		request.Header = d.Header.Clone()
	}
	response, err := f.client.Do(request)
	if err != nil {
		return withoutAnswer(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// talk sends the head of a delivery to the static endpoint, with a line of the forger's own, and a
// body. It waits until it is answered and the connection is closed.
func (f *forger) talk(line string, body func(io.Writer)) int {
	connection, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		return withoutAnswer(err)
	}
	_ = connection.SetDeadline(time.Now().Add(f.client.Timeout))
	var head bytes.Buffer
	_, _ = io.WriteString(&head, "POST / HTTP/1.1\r\nHost: receiver\r\n")
	_ = f.signedWith("v1,AAAA").Header.Write(&head)
	_, _ = io.WriteString(&head, line+"\r\n")
	if _, err := connection.Write(head.Bytes()); err != nil {
		_ = connection.Close()
		return withoutAnswer(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		body(connection)
	}()
	said, err := io.ReadAll(connection) // until it is closed, which an answer alone need not do
	_ = connection.Close()
	<-written
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return noAnswer
	}
	var status int
	if _, err := fmt.Sscanf(string(said), "HTTP/1.1 %d ", &status); err != nil {
		return closed
	}
	return status
}

func withoutAnswer(err error) int {
	if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return noAnswer
	}
	return closed
}
