// Package doctor checks a deployment from end to end: the receiver's configuration, its backends,
// the receiver itself, its registration at Gemini, and then a delivery all the way through. It also
// says what reconcile would do. A check that fails comes with advice.
//
// It leaves nothing behind: the receiver is probed without anything being published, and the test
// delivery's message is read from a subscription of its own. What subscribers see is the test
// delivery that Gemini sends; of a receiver whose ledger is another one than the doctor's, they
// also see a probe. Where no dead letter is on record one is made, and taken out of the dead-letter
// subscription again.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gemhook/gemhook/internal/cli/clients"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// Deps are what a doctor works with. A client that cannot be opened fails the checks that need it.
type Deps struct {
	Settings *deployment.Settings
	Clients  *clients.Clients
	HTTP     *http.Client

	// DryRun does a run of reconcile's jobs that changes nothing, bounded in time.
	DryRun func(context.Context) ([]reconciler.Item, *reconciler.Report, error)

	Events      []string      // that the webhook should be subscribed to
	CallTimeout time.Duration // of one call
	PingTimeout time.Duration // for the test delivery to come through
	Patience    time.Duration // for another message of the dead-letter subscription

	Now  func() time.Time
	Wait func(context.Context, time.Duration) error
	Rand io.Reader
}

// An Outcome is how a check went.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Warned  Outcome = "warned"  // nothing is broken, but something is left to be done
	Skipped Outcome = "skipped" // there is nothing to check, or it cannot be checked here
)

// A Check is one finding.
type Check struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
	Advice  string  `json:"advice,omitempty"` // what to do about it, or in place of a check that cannot be made
}

// A part is one check. It is made if those that it needs have not failed.
type part struct {
	name      string
	needs     []string
	check     func(*examination, context.Context) (string, error)
	otherwise string // advice on any other error
}

// parts are all checks there are, in their order.
var parts = []part{
	{"settings", nil, (*examination).settings, "docs/cli.md has all settings, and where each is looked for"},
	{"signing secrets", []string{"settings"}, (*examination).signingSecrets, "see that " + deployment.SigningSecrets.Variable() + " names what it should, and that it can be read from here"},
	{"dynamic keys", nil, (*examination).dynamicKeys, "see that " + deployment.DynamicKeys.Variable() + " names what it should, and that it can be read from here"},
	{"topic", []string{"settings"}, (*examination).topic, ofGoogle},
	{"dead-letter topic", []string{"settings"}, (*examination).deadLetterTopic, ofGoogle},
	{"subscriptions", []string{"topic"}, (*examination).subscriptions, ofGoogle},
	{"ledger", []string{"settings"}, (*examination).ledger, ofGoogle},
	{"receiver", []string{"settings"}, (*examination).receiver, ofReceiver},
	{"clocks", []string{"receiver"}, (*examination).clocks, ofReceiver},
	{"receiver's secrets", []string{"signing secrets", "ledger", "receiver"}, (*examination).receiverSecrets, ofReceiver},
	{"dynamic URLs", []string{"dynamic keys", "receiver"}, (*examination).dynamicURLs, ofReceiver},
	{"dead letters", []string{"receiver's secrets", "dead-letter topic"}, (*examination).deadLetter, ofReceiver},
	{"API key", nil, (*examination).apiKey, ofGemini},
	{"webhook", []string{"settings", "API key"}, (*examination).webhook, ofGemini},
	{"webhook's state", []string{"webhook"}, (*examination).webhookState, ofGemini},
	{"webhook's events", []string{"webhook"}, (*examination).webhookEvents, ofGemini},
	{"webhook's secret", []string{"webhook", "signing secrets"}, (*examination).webhookSecret, ofGemini},
	{"test delivery", []string{"webhook's state", "receiver's secrets", "webhook's secret", "topic"}, (*examination).testDelivery, ofGemini},
	{"message", []string{"test delivery"}, (*examination).message, ofGoogle},
	{"left to finish", []string{"ledger"}, (*examination).leftToFinish, ofReconcile},
	{"left to re-enable", []string{"ledger", "API key"}, (*examination).leftToReenable, ofReconcile},
	{"left to find", []string{"ledger", "API key"}, (*examination).leftToFind, ofReconcile},
}

// Advice on errors that have none of their own.
const (
	ofGoogle    = "see that GOOGLE_CLOUD_PROJECT is the right one, and its APIs are enabled: gcloud services list"
	ofReceiver  = "look at the receiver's log, and at what stands between it and this machine"
	ofReconcile = "docs/reconcile.md has what reconcile needs; gemhook reconcile says what it would do, item by item"
	ofGemini    = "wait a while and run doctor again; if it stays so, look whether Google reports an outage of the Gemini API"
)

// An examination is one run.
type examination struct {
	Deps
	url         string
	stored      []string // signing secrets that are well formed, the newest first
	dynamicPath string   // of a tenant that has a URL; empty if none has
	webhooks    []*geminiapi.Webhook
	found       *geminiapi.Webhook
	plan        *plan // of reconcile; nil until it is asked for
	arrival
}

// Examine runs every check, calls begun before each and done after it, and reports whether none has
// failed.
func Examine(ctx context.Context, deps Deps, begun func(name string), done func(Check)) (healthy bool, err error) {
	e := &examination{Deps: deps}
	defer e.release(context.WithoutCancel(ctx))
	passed := map[string]bool{}
	healthy = true
	for _, c := range parts {
		if missing := firstMissing(c.needs, passed); missing != "" {
			done(Check{Name: c.name, Outcome: Skipped, Detail: "needs the " + missing})
			continue
		}
		begun(c.name)
		detail, err := c.check(e, ctx)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		found := c.finding(detail, err)
		healthy = healthy && found.Outcome != Failed
		passed[c.name] = found.Outcome != Failed && !errors.Is(err, deliveries.ErrNotListed)
		done(found)
	}
	return healthy, nil
}

// finding returns the finding of a check that returned a detail and an error.
func (p part) finding(detail string, err error) Check {
	advice, _ := failure.OwnAdvice(err)
	switch {
	case err == nil:
		return Check{Name: p.name, Outcome: Passed, Detail: detail}
	case errors.Is(err, errLeft):
		return Check{Name: p.name, Outcome: Warned, Detail: detail, Advice: advice}
	case errors.Is(err, errNothingToCheck):
		return Check{Name: p.name, Outcome: Skipped, Detail: detail, Advice: advice}
	case errors.Is(err, deliveries.ErrNotListed):
		return Check{Name: p.name, Outcome: Skipped, Detail: deliveries.ErrNotListed.Error(), Advice: unlistedAdvice}
	}
	return Check{Name: p.name, Outcome: Failed, Detail: err.Error(), Advice: cmp.Or(failure.Advice(err), p.otherwise)}
}

func firstMissing(needs []string, passed map[string]bool) string {
	for _, need := range needs {
		if !passed[need] {
			return need
		}
	}
	return ""
}

// unlistedAdvice is what to do in place of a check that would look for a delivery in a ledger that
// cannot be listed. A deployment may have chosen that, so it is not a failure.
const unlistedAdvice = "follow the topic with gemhook tail, and have Gemini send a test delivery: gemhook webhooks ping"

// Errors that make a check another outcome than a failure.
var (
	errNothingToCheck = errors.New("nothing to check") // Skipped
	errLeft           = errors.New("left to be done")  // Warned
)

// fail returns the error of a check with advice on it.
func fail(advice, format string, args ...any) error {
	return failure.Advise(fmt.Errorf(format, args...), advice)
}

// call bounds one call.
func (e *examination) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.CallTimeout)
}
