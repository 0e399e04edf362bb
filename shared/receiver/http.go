package receiver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gemhook/gemhook/shared/answer"
	"github.com/gemhook/gemhook/shared/tenant"
)

// success is the answer to a delivery that is on a topic.
type success struct {
	Status    string `json:"status"` // published, duplicate or dead_lettered
	WebhookID string `json:"webhook_id"`
	MessageID string `json:"message_id"`
}

const statusDuplicate = "duplicate"

// endpoint is where a delivery was posted. The zero endpoint is the static one.
type endpoint struct{ tenant, token string }

func (e endpoint) isStatic() bool { return e.tenant == "" }

// ServeHTTP answers requests as the endpoints' contract says, always with JSON.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	at, found := r.route(request.URL.Path)
	switch {
	case !found:
		writeFailure(w, failure{status: http.StatusNotFound, code: "not_found",
			message: "There is nothing here: deliveries go to / or to a tenant's dynamic URL."})
	case request.Method == http.MethodPost && at.isStatic() && !r.options.ServeStatic:
		writeFailure(w, failure{status: http.StatusNotFound, code: "not_found",
			message: "No signing secret is configured, so static deliveries are not taken here."})
	case request.Method == http.MethodPost:
		r.serveDelivery(w, request, at)
	case request.Method == http.MethodGet && at.isStatic():
		answer.JSON(w, http.StatusOK, map[string]string{"service": "gemhook", "version": r.options.Version})
	default:
		w.Header().Set("Allow", r.allowed(at))
		writeFailure(w, failure{status: http.StatusMethodNotAllowed, code: "method_not_allowed",
			message: "A delivery is a POST."})
	}
}

// route finds the endpoint of a path: / or /dynamic/{tenant}/{token}.
func (r *Receiver) route(path string) (endpoint, bool) {
	if path == "/" || path == "" {
		return endpoint{}, true
	}
	rest, dynamic := strings.CutPrefix(path, tenant.PathPrefix)
	name, token, _ := strings.Cut(rest, "/")
	if !dynamic || !r.options.ServeDynamic || !tenant.Valid(name) || token == "" || strings.Contains(token, "/") {
		return endpoint{}, false
	}
	return endpoint{tenant: name, token: token}, true
}

func (r *Receiver) allowed(at endpoint) string {
	switch {
	case !at.isStatic():
		return "POST"
	case !r.options.ServeStatic:
		return "GET"
	}
	return "GET, POST"
}

// serveDelivery answers one delivery and logs one line about it.
func (r *Receiver) serveDelivery(w http.ResponseWriter, request *http.Request, at endpoint) {
	line := r.newLine(request, at)
	defer line.log(request.Context())
	defer func() {
		if panicked := recover(); panicked != nil {
			fault := failureOf(fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
			line.failed(fault)
			writeFailure(w, fault)
		}
	}()
	taken, err := r.receive(w, request, at, line)
	if err != nil {
		fault := failureOf(err)
		line.failed(fault)
		writeFailure(w, fault)
		return
	}
	line.succeeded(taken)
	answer.JSON(w, http.StatusOK, taken)
}

// read returns the raw body. It stops at the size limit, whatever length the headers declare, and
// at the deadline, which the server of the Functions Framework does not set.
func (r *Receiver) read(w http.ResponseWriter, request *http.Request, times schedule) ([]byte, error) {
	if request.ContentLength > r.options.MaxBody {
		return nil, errBodyTooLarge
	}
	// A body that has arrived can be read even if the keys have used up the time.
	left := max(times.left(readBy), time.Second)
	// Not every server can set it: Lambda has the whole body before we see the request.
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(left))
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, r.options.MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, errBodyTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBodyCutOff, err)
	}
	_ = connection.SetReadDeadline(time.Time{})
	return body, nil
}

func writeFailure(w http.ResponseWriter, f failure) {
	if f.retryAfter > 0 {
		seconds := (f.retryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	answer.Error(w, f.status, f.code, f.message)
}
