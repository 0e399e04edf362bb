package standin

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gemhook/gemhook/shared/retry"
)

// JWKSPath is where a Server serves its key set, as Google does.
const JWKSPath = "/.well-known/jwks.json"

// Server is the part of the Gemini API that concerns webhooks, as an http.Handler: the key set, the
// WebhookService, and the jobs that events are about. Emit has it deliver an event to the webhooks
// that are registered with it. It is safe for concurrent use; its methods may be called while it
// serves requests. A ping's delivery is sent after the ping has been answered; WaitForPings waits
// for it.
type Server struct {
	mux  *http.ServeMux
	opts ServerOptions

	pings sync.WaitGroup

	mu          sync.Mutex
	keys        *Keys
	jwksStatus  int // what to fail with, or 0
	jwksFetches int
	apiStatus   int        // what to fail with, or 0
	webhooks    []*webhook // in the order of their registration
	registered  int        // how many there ever were
	drop        Drop
	toDrop      Share
	dynamic     int // how many deliveries were signed with an Ed25519 key
	jobs        jobs
}

// ServerOptions are the options of a Server. A nil *ServerOptions is the zero ServerOptions.
type ServerOptions struct {
	// APIKeys are the keys with which the API can be called. If there are none, no key is needed.
	APIKeys []string

	// Client sends the deliveries. Nil means one that gives up an attempt after 10 seconds.
	Client *http.Client

	// Observe, if set, is called after each attempt of a delivery, from several goroutines.
	Observe func(Attempt)

	// DisableAfter is the number of failed attempts in a row, over all its deliveries, after which
	// a webhook is disabled. 0 means that it is disabled when a delivery is given up, after
	// RetryPeriod.
	DisableAfter int

	PingDelay time.Duration // between the answer to a ping and its delivery

	Backoff    time.Duration // wait after a delivery's first failure, doubled after each further one; 0 means 1s
	MaxBackoff time.Duration // bound of the doubling; 0 means 1h

	// Now is the clock; nil means time.Now. Together with Wait it can simulate time.
	Now func() time.Time

	// Wait waits for a duration or until the context ends, whose error it then returns; nil means a
	// timer.
	Wait func(context.Context, time.Duration) error

	// Rand makes ids and secrets; nil means the system's randomness. It is not read concurrently.
	Rand io.Reader
}

// NewServer returns a server that serves the public half of keys, and the WebhookService with no
// webhook registered. It is NewServerWithOptions without options.
func NewServer(keys *Keys) *Server { return NewServerWithOptions(keys, nil) }

// NewServerWithOptions returns a server that serves the public half of keys, and the WebhookService
// with no webhook registered.
func NewServerWithOptions(keys *Keys, opts *ServerOptions) *Server {
	s := &Server{mux: http.NewServeMux(), keys: keys}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.setDefaults()
	s.mux.HandleFunc("GET "+JWKSPath, s.serveJWKS)
	s.handleWebhooks()
	s.handleJobs()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, &apiError{code: http.StatusNotFound, message: "No such path."})
	})
	return s
}

// WaitForPings returns when the deliveries of all pings that were answered have ended.
func (s *Server) WaitForPings() { s.pings.Wait() }

func (o *ServerOptions) setDefaults() {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	o.Backoff = cmp.Or(o.Backoff, time.Second)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = retry.Wait
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
}

// ServeHTTP answers GET and HEAD of JWKSPath, the calls of the WebhookService below /v1beta and
// /v1, and any other request with an error in the form of Google's APIs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

// Keys returns the keys that are served.
func (s *Server) Keys() *Keys {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys
}

// SetKeys replaces the keys that are served from the next request on.
func (s *Server) SetKeys(keys *Keys) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

// FailJWKS answers requests for the key set with an HTTP error status from the next one on; status
// 0 ends that.
func (s *Server) FailJWKS(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jwksStatus = status
}

// FailAPI answers calls of the WebhookService with an HTTP error status from the next one on,
// without doing what they ask for; status 0 ends that.
func (s *Server) FailAPI(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apiStatus = status
}

// JWKSFetches returns how many times the key set was asked for, failed requests included.
func (s *Server) JWKSFetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jwksFetches
}

func (s *Server) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.jwksFetches++
	keys, status := s.keys, s.jwksStatus
	s.mu.Unlock()
	if status != 0 {
		writeError(w, &apiError{code: status, message: "The key set is made to fail."})
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Write(keys.JWKS())
}

// An apiError is an error that the API answers.
type apiError struct {
	code    int // HTTP status
	message string
	reason  string // of google.rpc.ErrorInfo, if any
}

func (e *apiError) Error() string { return e.message }

// writeError answers in the form of Google's APIs.
func writeError(w http.ResponseWriter, e *apiError) {
	type errorInfo struct {
		Type   string `json:"@type"`
		Reason string `json:"reason"`
		Domain string `json:"domain"`
	}
	type status struct {
		Code    int         `json:"code"`
		Message string      `json:"message"`
		Status  string      `json:"status"`
		Details []errorInfo `json:"details,omitempty"`
	}
	names := map[int]string{
		http.StatusBadRequest:          "INVALID_ARGUMENT",
		http.StatusUnauthorized:        "UNAUTHENTICATED",
		http.StatusForbidden:           "PERMISSION_DENIED",
		http.StatusNotFound:            "NOT_FOUND",
		http.StatusConflict:            "ABORTED",
		http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
		http.StatusInternalServerError: "INTERNAL",
		http.StatusServiceUnavailable:  "UNAVAILABLE",
		http.StatusGatewayTimeout:      "DEADLINE_EXCEEDED",
	}
	body := status{Code: e.code, Message: e.message, Status: cmp.Or(names[e.code], "UNKNOWN")}
	if e.reason != "" {
		body.Details = []errorInfo{{"type.googleapis.com/google.rpc.ErrorInfo", e.reason, "googleapis.com"}}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(e.code)
	json.NewEncoder(w).Encode(map[string]status{"error": body})
}
