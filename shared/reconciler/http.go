package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gemhook/gemhook/shared/answer"
	"github.com/gemhook/gemhook/shared/pushauth"
)

// ErrFailed is the error of a direct invocation whose run went wrong somewhere; the log line says
// where.
var ErrFailed = errors.New("the run went wrong, wholly or in part")

// refusals say what each error of the schedule's token means over HTTP.
var refusals = []struct {
	is      error
	status  int
	code    string
	message string
}{
	{pushauth.ErrNoToken, http.StatusUnauthorized, "no_token", "There is no bearer token; only the schedule may call this."},
	{pushauth.ErrBadToken, http.StatusUnauthorized, "bad_token", "The token is not one of Google's for this audience."},
	{pushauth.ErrForbidden, http.StatusForbidden, "forbidden", "The token is another account's."},
	{pushauth.ErrKeysUnavailable, http.StatusServiceUnavailable, "keys_unavailable", "Google's certificates cannot be fetched right now."},
}

// ServeHTTP answers a POST of / with a run's report: 200, or 503 if something went wrong. GET / has
// the service's name.
func (r *Reconciler) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	switch {
	case request.URL.Path != "/" && request.URL.Path != "":
		answer.Error(w, http.StatusNotFound, "not_found", "There is nothing here: the schedule calls /.")
	case request.Method == http.MethodPost:
		r.serveRun(w, request)
	case request.Method == http.MethodGet:
		answer.JSON(w, http.StatusOK, map[string]string{"service": "gemhook", "version": r.options.Version})
	default:
		w.Header().Set("Allow", "GET, POST")
		answer.Error(w, http.StatusMethodNotAllowed, "method_not_allowed", "A run is a POST.")
	}
}

func (r *Reconciler) serveRun(w http.ResponseWriter, request *http.Request) {
	// A caller that hangs up does not stop a run half-way; only its own time does.
	ctx := context.WithoutCancel(request.Context())
	if err := r.deps.Checker.Verify(ctx, request.Header); err != nil {
		r.refuse(ctx, w, err)
		return
	}
	report := r.logged(ctx)
	status := http.StatusOK
	if report.Failed() {
		status = http.StatusServiceUnavailable
	}
	answer.JSON(w, status, report)
}

// Invoke does a run for a platform that calls without HTTP, whatever it sends. Its error is
// ErrFailed, by which the platform counts failed runs.
func (r *Reconciler) Invoke(ctx context.Context, _ json.RawMessage) (*Report, error) {
	report := r.logged(ctx)
	if report.Failed() {
		return report, ErrFailed
	}
	return report, nil
}

// logged does a run and writes its one log line.
func (r *Reconciler) logged(ctx context.Context) *Report {
	begin := r.options.Now()
	report := r.Run(ctx)
	report.log(ctx, r.deps.Log, slog.Float64("duration_ms", float64(r.options.Now().Sub(begin).Microseconds())/1000))
	return report
}

func (r *Reconciler) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	status, code, message := http.StatusInternalServerError, "internal", "The token could not be checked."
	for _, known := range refusals {
		if errors.Is(err, known.is) {
			status, code, message = known.status, known.code, known.message
			break
		}
	}
	r.deps.Log.LogAttrs(ctx, slog.LevelWarn, "reconciliation",
		slog.String("outcome", code), slog.Int("status", status), slog.String("error", err.Error()))
	answer.Error(w, status, code, message)
}
