// Package tap fills an [inspect.Log]: with the requests and answers of a receiver in this process,
// with the times of its steps, with the documents of a ledger and with the messages of a topic.
package tap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// maxKept bounds what is kept of one body: more than the receiver accepts.
const maxKept = 4 << 20

// recordKey is the context's key of a record's id.
type recordKey struct{}

// Handler returns a receiver that records each POST that it gets, with its answer.
func Handler(log *inspect.Log, receiver http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodPost {
			receiver.ServeHTTP(w, request)
			return
		}
		var body bytes.Buffer
		id := log.Add(inspect.Record{
			At: time.Now(), WebhookID: request.Header.Get(webhook.HeaderID), Tenant: tenantOf(request.URL.Path),
			Request: &inspect.Request{Path: request.URL.Path, Header: request.Header.Clone()},
		})
		request = request.WithContext(context.WithValue(request.Context(), recordKey{}, id))
		request.Body = &copied{request.Body, &body}
		answer := &answering{ResponseWriter: w, status: http.StatusOK}
		begin := time.Now()
		receiver.ServeHTTP(answer, request)
		took := time.Since(begin)
		// The rest of the body, which the receiver did not read if it refused the headers.
		_, _ = io.CopyN(io.Discard, request.Body, int64(maxKept-body.Len()))
		log.Update(inspect.ByID(id), func(r *inspect.Record) {
			r.Request = &inspect.Request{Path: r.Request.Path, Header: r.Request.Header, Body: bytes.Clone(body.Bytes())}
			r.Answer = &inspect.Answer{StatusCode: answer.status, Header: w.Header().Clone(), Body: bytes.Clone(answer.body.Bytes()), Took: took}
			answered(r)
		})
		adopt(log, id)
	})
}

// adopt gives a duplicate the document and the messages of the delivery that it repeats.
func adopt(log *inspect.Log, id string) {
	duplicate := log.Get(id)
	if duplicate == nil || duplicate.Key == "" || len(duplicate.Documents) > 0 {
		return
	}
	for _, other := range log.List() {
		if other.Key == duplicate.Key && len(other.Documents) > 0 {
			log.Update(inspect.ByID(id), func(r *inspect.Record) {
				r.Scheme, r.Documents, r.Messages, r.Objects = other.Scheme, other.Documents, other.Messages, other.Objects
			})
			return
		}
	}
}

// answered takes from the answer and the body what the list shows. It does so for a refused
// delivery too, whose body nobody has verified; the page says so.
func answered(r *inspect.Record) {
	var said struct {
		Status, Error string
		MessageID     string `json:"message_id"`
	}
	_ = json.Unmarshal(r.Answer.Body, &said) // what is not the receiver's answer leaves it empty
	if r.Outcome = said.Status; said.Error != "" {
		r.Outcome = said.Error
	}
	var event struct {
		Type string
		Data struct{ ID string }
	}
	if json.Unmarshal(r.Request.Body, &event) == nil {
		r.Type, r.Subject = cmp.Or(r.Type, event.Type), event.Data.ID
	}
	r.MessageID = said.MessageID
	if !accepted(r) {
		r.Key, r.Documents = "", nil // those of a genuine delivery with the same id, at the same time
		return
	}
	if r.Outcome == "duplicate" {
		r.Attempts = nil // at the delivery that it repeats; they came before the answer
	}
	if said.Status != "" && r.Scheme != string(webhook.SchemeJWT) {
		r.Key = deliveries.KeyOf(r.WebhookID, r.Tenant)
	}
}

// tenantOf returns the tenant in the path of a dynamic URL.
func tenantOf(path string) string {
	rest, dynamic := strings.CutPrefix(path, tenant.PathPrefix)
	if !dynamic {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// copied is a body of which what is read is kept as well, up to a limit.
type copied struct {
	io.ReadCloser
	kept *bytes.Buffer
}

func (c *copied) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.kept.Write(p[:min(n, maxKept-c.kept.Len())])
	return n, err
}

// answering is a response writer that keeps the status and the body, up to a limit.
type answering struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answering) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answering) Write(p []byte) (int, error) {
	a.body.Write(p[:min(len(p), maxKept-a.body.Len())])
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// LogHandler returns a handler of log lines that keeps the times of a receiver's steps, and passes
// every line on. It finds the record of a line by its context, which comes from Handler.
func LogHandler(log *inspect.Log, next slog.Handler) slog.Handler { return &lines{next, log} }

type lines struct {
	slog.Handler
	log *inspect.Log
}

// Enabled implements slog.Handler: the line of a delivery is wanted whatever the level of the log.
func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *lines) Handle(ctx context.Context, line slog.Record) error {
	if id, ok := ctx.Value(recordKey{}).(string); ok && line.Message == "delivery" {
		l.log.Update(inspect.ByID(id), func(r *inspect.Record) { timed(r, line) })
	}
	if !l.Handler.Enabled(ctx, line.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, line)
}

func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lines{l.Handler.WithAttrs(attrs), l.log}
}

func (l *lines) WithGroup(name string) slog.Handler { return &lines{l.Handler.WithGroup(name), l.log} }

// timed takes from the line of a delivery its scheme, its type and how long each step took.
func timed(r *inspect.Record, line slog.Record) {
	line.Attrs(func(attr slog.Attr) bool {
		step, isTime := strings.CutSuffix(attr.Key, "_ms")
		switch {
		case attr.Key == "scheme":
			r.Scheme = attr.Value.String()
		case attr.Key == "type":
			r.Type = attr.Value.String()
		case isTime && attr.Value.Kind() == slog.KindFloat64:
			took := time.Duration(attr.Value.Float64() * float64(time.Millisecond))
			r.Timings = append(r.Timings, inspect.Timing{Step: step, Took: took})
		}
		return true
	})
}
