package collector

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gemhook/gemhook/shared/answer"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/pushauth"
)

// What became of an event, in the log.
const (
	outcomeIgnored     = "ignored" // nothing to fetch
	outcomeDuplicate   = "duplicate"
	outcomeCollected   = "collected"
	outcomeUnavailable = "unavailable"
)

// failures say what each error means over HTTP.
var failures = []struct {
	is      error
	status  int
	code    string
	message string
}{
	{errInFlight, http.StatusServiceUnavailable, "in_flight", "Another instance is publishing this result right now."},
	{pushauth.ErrNoToken, http.StatusUnauthorized, "no_token", "There is no bearer token; only Pub/Sub may call this."},
	{pushauth.ErrBadToken, http.StatusUnauthorized, "bad_token", "The token is not one of Google's for this audience."},
	{pushauth.ErrForbidden, http.StatusForbidden, "forbidden", "The token is another account's."},
	{pushauth.ErrKeysUnavailable, http.StatusServiceUnavailable, "keys_unavailable", "Google's certificates cannot be fetched right now."},
	{errNotPush, http.StatusBadRequest, "not_a_push", "The body is not a push of Pub/Sub's in the wrapped format."},
	{errNotEnded, http.StatusServiceUnavailable, "not_ended", "The job is not at its end yet."},
	{errGeminiUnavailable, http.StatusServiceUnavailable, "gemini_unavailable", "Gemini cannot be reached or refuses right now."},
	{errBucketUnavailable, http.StatusServiceUnavailable, "bucket_unavailable", "The bucket cannot be reached or refuses right now."},
	{errLedgerUnavailable, http.StatusServiceUnavailable, "ledger_unavailable", "The ledger cannot be reached or refuses right now."},
	{once.ErrTopicUnavailable, http.StatusServiceUnavailable, "topic_unavailable", "The topic cannot be reached or refuses right now."},
}

// ServeHTTP answers a POST of / as a push, and GET / with the service's name.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/" && r.URL.Path != "":
		answer.Error(w, http.StatusNotFound, "not_found", "There is nothing here: pushes go to /.")
	case r.Method == http.MethodPost:
		c.servePush(w, r)
	case r.Method == http.MethodGet:
		answer.JSON(w, http.StatusOK, map[string]string{"service": "gemhook", "version": c.options.Version})
	default:
		w.Header().Set("Allow", "GET, POST")
		answer.Error(w, http.StatusMethodNotAllowed, "method_not_allowed", "A push is a POST.")
	}
}

// servePush answers one push and logs one line about it.
func (c *Collector) servePush(w http.ResponseWriter, r *http.Request) {
	line := &line{start: c.options.Now(), now: c.options.Now}
	defer func() {
		if panicked := recover(); panicked != nil {
			c.fail(w, line, fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
		}
		line.log(r.Context(), c.deps.Log)
	}()
	if err := c.collect(r, line); err != nil {
		c.fail(w, line, err)
		return
	}
	line.attrs = append(line.attrs, slog.Int("status", http.StatusNoContent))
	w.WriteHeader(http.StatusNoContent)
}

func (c *Collector) fail(w http.ResponseWriter, line *line, err error) {
	status, code, message := http.StatusInternalServerError, "internal", "The collector failed."
	for _, known := range failures {
		if errors.Is(err, known.is) {
			status, code, message = known.status, known.code, known.message
			break
		}
	}
	line.failed(status, code, err)
	answer.Error(w, status, code, message)
}

// milliseconds is a duration as the log has it.
func milliseconds(name string, d time.Duration) slog.Attr {
	return slog.Float64(name, float64(d.Microseconds())/1000)
}
