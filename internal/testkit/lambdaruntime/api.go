package lambdaruntime

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

const (
	functionARN = "arn:aws:lambda:eu-central-1:123456789012:function:function"
	traceID     = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.invocationError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.initError)
	return mux
}

// next answers with the next invocation, for which it may have to wait long.
func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case inv := <-s.queue:
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN)
		header.Set("Lambda-Runtime-Trace-Id", traceID)
		_, _ = w.Write(inv.payload) // a function that hung up asks again, or is gone
	}
}

func (s *Server) response(w http.ResponseWriter, r *http.Request) {
	body, ok := s.read(w, r)
	if !ok {
		return
	}
	// A response that broke off in the function says so in its trailer.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		text, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidTrailer", err.Error())
			return
		}
		s.settle(w, r, result{err: parseError(text, kind)})
		return
	}
	s.settle(w, r, result{response: body})
}

func (s *Server) invocationError(w http.ResponseWriter, r *http.Request) {
	if body, ok := s.read(w, r); ok {
		s.settle(w, r, result{err: parseError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))})
	}
}

func (s *Server) initError(w http.ResponseWriter, r *http.Request) {
	body, ok := s.read(w, r)
	if !ok {
		return
	}
	e := parseError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	e.Init = true
	select {
	case s.initFail <- e:
	default: // the last program that could not start has not been noticed yet
	}
	accept(w)
}

// settle hands the result to the Invoke that waits for it.
func (s *Server) settle(w http.ResponseWriter, r *http.Request, result result) {
	inv := s.take(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no invocation with this id is in progress")
		return
	}
	accept(w)
	inv.result <- result
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidBody", err.Error())
		return nil, false
	}
	return body, true
}

// parseError reads an error report. Its body is optional to the API, and so is the type in its
// header.
func parseError(body []byte, kind string) *Error {
	e := &Error{}
	if err := json.Unmarshal(body, e); err != nil {
		e.Message = string(body)
	}
	if e.Type == "" {
		e.Type = kind
	}
	return e
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintln(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Error{Type: kind, Message: message})
}
