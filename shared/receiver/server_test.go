package receiver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/ledger"
)

// patience is for an answer over the network. A test that has to wait as long has failed.
const patience = 20 * time.Second

// listening is a fixture behind a real HTTP server.
type listening struct {
	*fixture
	server *httptest.Server
}

// listen starts the server of a fixture; wrap, if any, comes before the receiver.
func listen(b *fixture, wrap func(http.Handler) http.Handler) *listening {
	var handler http.Handler = b
	if wrap != nil {
		handler = wrap(b)
	}
	l := &listening{fixture: b, server: httptest.NewServer(handler)}
	b.Cleanup(l.server.Close)
	return l
}

// dial opens a connection to the server.
func (l *listening) dial() *net.TCPConn {
	l.Helper()
	connection, err := net.Dial("tcp", l.server.Listener.Addr().String())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = connection.Close() })
	return connection.(*net.TCPConn)
}

// begin writes the head of a delivery to a path, with lines of the test's own, on a new connection.
func (l *listening) begin(path string, d standin.Delivery, lines ...string) *net.TCPConn {
	l.Helper()
	l.expects(d.Header)
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: receiver\r\n", path)
	if err := d.Header.Write(&head); err != nil {
		l.Fatal(err)
	}
	for _, line := range lines {
		head.WriteString(line + "\r\n")
	}
	head.WriteString("\r\n")
	connection := l.dial()
	if _, err := connection.Write(head.Bytes()); err != nil {
		l.Fatal(err)
	}
	return connection
}

// end reads the answer.
func (l *listening) end(connection net.Conn) *answer {
	l.Helper()
	_ = connection.SetReadDeadline(time.Now().Add(patience))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		l.Fatal(err)
	}
	return l.answer(response)
}

// send sends a delivery as Gemini does.
func (l *listening) send(path string, d standin.Delivery) *answer {
	l.Helper()
	l.expects(d.Header)
	a, err := standin.Send(l.T.Context(), l.server.Client(), l.server.URL+path, d)
	if err != nil {
		l.Fatal(err)
	}
	return &answer{Code: a.StatusCode, Header: a.Header, Status: a.Status, WebhookID: a.WebhookID, MessageID: a.MessageID, Error: a.Error, Message: a.Message}
}

func TestOverHTTP(t *testing.T) {
	t.Parallel()
	l := listen(newLiveFixture(t), nil)
	for _, id := range []string{"msg_1", "größe/\xff"} {
		d := l.v1(l.delivery(id))
		l.succeeded(l.send("/", d), "published", string([]rune(id)))
		l.succeeded(l.send("/", d), "duplicate", string([]rune(id)))
	}
	l.succeeded(l.send(dynamicPath, l.v1a(l.delivery("msg_1"))), "published", "msg_1")
	l.succeeded(l.send(dynamicPath+"?query=1", l.v1a(l.delivery("msg_1"))), "duplicate", "msg_1")
}

// TestTruncatedBody closes the sending half of a connection before as many bytes as declared have
// been sent.
func TestTruncatedBody(t *testing.T) {
	t.Parallel()
	l := listen(newLiveFixture(t), nil)
	d := l.v1(l.delivery("msg_1"))
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d", len(d.Body)+1), "Transfer-Encoding: chunked"} {
		connection := l.begin("/", d, framing)
		body := string(d.Body)
		if strings.HasPrefix(framing, "Transfer") {
			body = fmt.Sprintf("%x\r\n%s\r\n", len(body), body) // and no last chunk
		}
		if _, err := io.WriteString(connection, body); err != nil {
			t.Fatal(err)
		}
		if err := connection.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		l.failed(l.end(connection), http.StatusBadRequest, "malformed_header", "")
	}
	l.untouched()
}

// TestTooLargeOverHTTP wants the answer to come through though the body is not read to its end.
func TestTooLargeOverHTTP(t *testing.T) {
	t.Parallel()
	l := listen(newLiveFixture(t), nil)
	d := l.v1(l.delivery("msg_1"))
	l.failed(l.end(l.begin("/", d, "Content-Length: 1000000000")), http.StatusRequestEntityTooLarge, "body_too_large", "")

	connection := l.begin("/", d, "Transfer-Encoding: chunked")
	if _, err := fmt.Fprintf(connection, "%x\r\n%s", 10*maxBody, strings.Repeat(" ", maxBody+1)); err != nil {
		t.Fatal(err)
	}
	l.failed(l.end(connection), http.StatusRequestEntityTooLarge, "body_too_large", "")
	l.untouched()
}

// TestNotAskedToContinue wants a sender that waits to be asked for the body not to be, unless the
// token is right.
func TestNotAskedToContinue(t *testing.T) {
	t.Parallel()
	l := listen(newLiveFixture(t), nil)
	d := l.v1a(l.delivery("msg_1"))
	length := fmt.Sprintf("Content-Length: %d", len(d.Body))
	l.failed(l.end(l.begin("/dynamic/acme/wrong-token", d, length, "Expect: 100-continue")), http.StatusUnauthorized, "unknown_token", "")

	connection := l.begin(dynamicPath, d, length, "Expect: 100-continue")
	reader := bufio.NewReader(connection)
	if status, err := reader.ReadString('\n'); err != nil || !strings.Contains(status, " 100 ") {
		t.Fatalf("%q, error %v, want to be asked to continue", status, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Write(d.Body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.succeeded(l.answer(response), "published", "msg_1")
}

func TestHead(t *testing.T) {
	t.Parallel()
	l := listen(newLiveFixture(t), nil)
	response, err := l.server.Client().Head(l.server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, POST" {
		t.Errorf("HEAD: %s, Allow %q", response.Status, response.Header.Get("Allow"))
	}
}

// TestServerOutlivesPanic goes on after a panic, on the same connection.
func TestServerOutlivesPanic(t *testing.T) {
	t.Parallel()
	l := listen(newLiveFixture(t), nil)
	l.publisher.onPublish = func(context.Context) error { panic("boom") }
	l.failed(l.send("/", l.v1(l.delivery("msg_1"))), http.StatusInternalServerError, "internal", "10")
	l.publisher.onPublish = works
	l.succeeded(l.send("/", l.v1(l.delivery("msg_2"))), "published", "msg_2")
	// The panic may have been after the message was taken.
	l.failed(l.send("/", l.v1(l.delivery("msg_1"))), http.StatusConflict, "in_flight", "10")
}

// TestSenderHangsUp has the sender be gone when its delivery is claimed. The delivery goes on to
// its end.
func TestSenderHangsUp(t *testing.T) {
	t.Parallel()
	requests, done := make(chan context.Context, 1), make(chan struct{})
	b := newLiveFixture(t)
	l := listen(b, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests <- r.Context()
			next.ServeHTTP(w, r)
			close(done)
		})
	})
	d := l.v1(l.delivery("msg_1"))
	var connection net.Conn
	begun := make(chan struct{})
	b.publisher.onPublish = func(ctx context.Context) error {
		<-begun
		_ = connection.Close()
		<-(<-requests).Done() // the server has noticed
		return ctx.Err()
	}
	connection = l.begin("/", d, fmt.Sprintf("Content-Length: %d", len(d.Body)))
	if _, err := connection.Write(d.Body); err != nil {
		t.Fatal(err)
	}
	close(begun)
	<-done
	if document := b.document("static!msg_1"); document.State != ledger.Published {
		t.Errorf("the delivery is %s, want it published and settled", document.State)
	}
	if n := len(b.publisher.all()); n != 1 {
		t.Errorf("%d messages", n)
	}
}
