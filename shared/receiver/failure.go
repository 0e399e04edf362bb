package receiver

import (
	"errors"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/tenant"
	"github.com/gemhook/gemhook/shared/webhook"
)

// Why a delivery fails, beyond what package webhook refuses.
var (
	errBodyTooLarge      = errors.New("body too large")
	errBodyCutOff        = errors.New("body cut off")
	errLedgerUnavailable = errors.New("ledger unavailable")
)

// An inFlightError is the failure of a delivery that another claimant holds.
type inFlightError struct{ lease time.Duration }

func (e *inFlightError) Error() string { return "another claimant holds the delivery" }

// retryAfter is how long a sender is asked to wait before it tries again: as long as a claimant can
// hold a delivery.
const retryAfter = 10 * time.Second

// failure is the answer to a delivery that failed.
type failure struct {
	status     int
	code       string
	message    string // one sentence for the sender; the cause is for the log only
	retryAfter time.Duration
	cause      error
}

// failures are the answers to each error. A *webhook.Refusal has its own sentence.
var failures = []struct {
	is error
	failure
}{
	{webhook.ErrMissingHeader, failure{status: http.StatusBadRequest, code: "missing_header"}},
	{webhook.ErrMalformedHeader, failure{status: http.StatusBadRequest, code: "malformed_header"}},
	{webhook.ErrStaleTimestamp, failure{status: http.StatusUnauthorized, code: "stale_timestamp"}},
	{webhook.ErrBadSignature, failure{status: http.StatusUnauthorized, code: "bad_signature"}},
	{webhook.ErrBadToken, failure{status: http.StatusUnauthorized, code: "bad_token"}},
	{webhook.ErrDynamicURLRequired, failure{status: http.StatusUnauthorized, code: "dynamic_url_required"}},
	{tenant.ErrUnknownToken, failure{status: http.StatusUnauthorized, code: "unknown_token",
		message: "The token in this URL is not the tenant's."}},
	{errBodyTooLarge, failure{status: http.StatusRequestEntityTooLarge, code: "body_too_large",
		message: "The body is larger than this receiver accepts."}},
	{errBodyCutOff, failure{status: http.StatusBadRequest, code: "malformed_header",
		message: "The body ended before the length its headers declare, or did not arrive in time."}},
	{webhook.ErrKeysUnavailable, failure{status: http.StatusServiceUnavailable, code: "keys_unavailable",
		message: "There is no key to verify this delivery with right now; deliver it again.", retryAfter: retryAfter}},
	{errLedgerUnavailable, failure{status: http.StatusServiceUnavailable, code: "ledger_unavailable",
		message: "The ledger cannot be reached or refuses right now; deliver this again.", retryAfter: retryAfter}},
	{once.ErrTopicUnavailable, failure{status: http.StatusServiceUnavailable, code: "topic_unavailable",
		message: "The topic cannot be reached or refuses right now; deliver this again.", retryAfter: retryAfter}},
}

// failureOf maps an error to its answer.
func failureOf(err error) failure {
	if inFlight := (*inFlightError)(nil); errors.As(err, &inFlight) {
		return failure{status: http.StatusConflict, code: "in_flight",
			message:    "This webhook-id is being processed right now; deliver it again.",
			retryAfter: min(max(inFlight.lease, time.Second), retryAfter), cause: err}
	}
	for _, known := range failures {
		if !errors.Is(err, known.is) {
			continue
		}
		answer := known.failure
		answer.cause = err
		if refusal := (*webhook.Refusal)(nil); errors.As(err, &refusal) {
			answer.message = refusal.Detail
		}
		return answer
	}
	return failure{status: http.StatusInternalServerError, code: "internal",
		message: "The receiver failed; deliver this again.", retryAfter: retryAfter, cause: err}
}
