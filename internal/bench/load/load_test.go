package load_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/load"
)

// server answers every request with status, and counts them and the connections that they came over.
type server struct {
	*httptest.Server
	requests, connections atomic.Int64
	status                int
}

func newServer(t *testing.T, status int) *server {
	s := &server{status: status}
	seen := sync.Map{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "the body" || r.Header.Get("Webhook-Id") != "msg_1" || r.URL.Path != "/at" {
			t.Errorf("got %s %s with %v and %q (%v)", r.Method, r.URL, r.Header, body, err)
		}
		if _, again := seen.LoadOrStore(r.RemoteAddr, true); !again {
			s.connections.Add(1)
		}
		s.requests.Add(1)
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, strings.Repeat("x", 100))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) address() string { return s.Listener.Addr().String() }

var request = load.Serialise("/at", http.Header{"Webhook-Id": {"msg_1"}}, []byte("the body"))

func TestSendsEachOnceOverOpenConnections(t *testing.T) {
	s := newServer(t, http.StatusOK)
	pool, err := load.DialPool(t.Context(), s.address(), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var asked atomic.Int64
	took, err := pool.Send(t.Context(), 100, http.StatusOK, func(i int) []byte {
		asked.Add(int64(i))
		return request
	})
	if err != nil {
		t.Fatal(err)
	}
	if took <= 0 || s.requests.Load() != 100 || asked.Load() != 99*100/2 {
		t.Errorf("%d requests in %s, want 100", s.requests.Load(), took)
	}
	if got := s.connections.Load(); got < 1 || got > 4 {
		t.Errorf("%d connections, want at most 4", got)
	}
}

func TestOtherStatusIsAnError(t *testing.T) {
	s := newServer(t, http.StatusServiceUnavailable)
	pool, err := load.DialPool(t.Context(), s.address(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	_, err = pool.Send(t.Context(), 1000, http.StatusOK, func(int) []byte { return request })
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v, want one that says 503", err)
	}
	if got := s.requests.Load(); got != 1 {
		t.Errorf("%d requests, want none after the first failed", got)
	}
}

func TestAnswerThatBreaksOffIsAnError(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
		"HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\n\r\n",
		"nonsense\r\n\r\n",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}))
		defer s.Close()
		conn, err := load.Dial(t.Context(), s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Do(request); err == nil {
			t.Errorf("no error for the answer %q", answer)
		}
	}
}
