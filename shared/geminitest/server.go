package geminitest

import (
	"encoding/json"
	"net/http"
	"sync"
)

// JWKSPath is where a Server serves its key set, as Google does.
const JWKSPath = "/.well-known/jwks.json"

// Server is the part of the Gemini API that webhooks meet, as an http.Handler:
// at present the key set. Put it behind an httptest.Server or any other. It is
// safe for concurrent use, its methods while requests are served included.
type Server struct {
	mux *http.ServeMux

	mu          sync.Mutex
	keys        *Keys
	jwksStatus  int // what to fail with, or 0
	jwksFetches int
}

// NewServer returns a server that serves the public half of keys.
func NewServer(keys *Keys) *Server {
	s := &Server{mux: http.NewServeMux(), keys: keys}
	s.mux.HandleFunc("GET "+JWKSPath, s.serveJWKS)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "No such path.")
	})
	return s
}

// ServeHTTP answers GET and HEAD of JWKSPath, and any other request with an error
// in the form of Google's APIs.
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

// FailJWKS answers requests for the key set with an HTTP error status from the
// next one on; status 0 ends that.
func (s *Server) FailJWKS(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jwksStatus = status
}

// JWKSFetches returns how many times the key set was asked for, failed requests
// included.
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
		writeError(w, status, "The key set is made to fail.")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Write(keys.JWKS())
}

// writeError answers in the form of Google's APIs.
func writeError(w http.ResponseWriter, code int, message string) {
	type status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	names := map[int]string{
		http.StatusBadRequest:          "INVALID_ARGUMENT",
		http.StatusForbidden:           "PERMISSION_DENIED",
		http.StatusNotFound:            "NOT_FOUND",
		http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
		http.StatusInternalServerError: "INTERNAL",
		http.StatusServiceUnavailable:  "UNAVAILABLE",
	}
	name, ok := names[code]
	if !ok {
		name = "UNKNOWN"
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]status{"error": {code, message, name}})
}
