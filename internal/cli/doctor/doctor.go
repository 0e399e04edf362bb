// Package doctor checks a deployment from end to end: what the receiver is configured with, what it stands on, the receiver
// itself, its registration at Gemini, and then a delivery all the way through. What fails comes with what to do about it.
//
// It leaves nothing behind: the receiver is probed without anything being published, and the test delivery's message is read
// from a subscription of its own. What subscribers see is the test delivery that Gemini sends; of a receiver whose ledger is
// another one than the doctor's, they also see a probe.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"

	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// Deps are what a doctor works with. What opens a client may fail; then the checks that need it do.
type Deps struct {
	Settings      *deployment.Settings
	Gemini        func() (*geminiapi.Client, error)
	PubSub        func(context.Context) (*pubsub.Client, error)
	Firestore     func(context.Context) (*firestore.Client, error)
	SecretManager func(context.Context) (*secretmanager.Client, error)
	HTTP          *http.Client

	Events      []string      // that the webhook should be subscribed to
	CallTimeout time.Duration // of one call
	PingTimeout time.Duration // for the test delivery to come through

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
	Skipped Outcome = "skipped" // there is nothing to check, or it cannot be checked here
)

// A Check is one finding.
type Check struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
	Advice  string  `json:"advice,omitempty"` // what to do about a failure, or in place of a check that cannot be made
}

// checks are all there are, in their order. Each needs those before it that it names.
var checks = []struct {
	name  string
	needs []string
	check func(*examination, context.Context) (string, error)
}{
	{"settings", nil, (*examination).settings},
	{"signing secrets", []string{"settings"}, (*examination).signingSecrets},
	{"dynamic keys", nil, (*examination).dynamicKeys},
	{"topic", []string{"settings"}, (*examination).topic},
	{"dead-letter topic", []string{"settings"}, (*examination).deadLetterTopic},
	{"subscriptions", []string{"topic"}, (*examination).subscriptions},
	{"ledger", []string{"settings"}, (*examination).ledger},
	{"receiver", []string{"settings"}, (*examination).receiver},
	{"receiver's secrets", []string{"signing secrets", "ledger", "receiver"}, (*examination).receiverSecrets},
	{"API key", nil, (*examination).apiKey},
	{"webhook", []string{"settings", "API key"}, (*examination).webhook},
	{"webhook's state", []string{"webhook"}, (*examination).webhookState},
	{"webhook's events", []string{"webhook"}, (*examination).webhookEvents},
	{"webhook's secret", []string{"webhook", "signing secrets"}, (*examination).webhookSecret},
	{"test delivery", []string{"webhook's state", "receiver's secrets", "webhook's secret", "topic"}, (*examination).testDelivery},
	{"message", []string{"test delivery"}, (*examination).message},
}

// An examination is one run.
type examination struct {
	Deps
	url      string
	stored   []string // signing secrets
	webhooks []*geminiapi.Webhook
	found    *geminiapi.Webhook
	arrival
}

// Examine runs every check, tells of each as it is begun and as it is done, and returns whether none has failed.
func Examine(ctx context.Context, deps Deps, begun func(name string), done func(Check)) (healthy bool, err error) {
	e := &examination{Deps: deps}
	defer e.release(context.WithoutCancel(ctx))
	passed := map[string]bool{}
	healthy = true
	for _, c := range checks {
		if missing := firstMissing(c.needs, passed); missing != "" {
			done(Check{Name: c.name, Outcome: Skipped, Detail: "needs the " + missing})
			continue
		}
		begun(c.name)
		detail, err := c.check(e, ctx)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if errors.Is(err, errNothingToCheck) {
			done(Check{Name: c.name, Outcome: Skipped, Detail: detail})
			passed[c.name] = true
			continue
		}
		if errors.Is(err, deliveries.ErrNotListed) {
			done(Check{Name: c.name, Outcome: Skipped, Detail: deliveries.ErrNotListed.Error(), Advice: unlistedAdvice})
			continue
		}
		if err != nil {
			healthy = false
			finding := diagnose(err)
			done(Check{Name: c.name, Outcome: Failed, Detail: finding.what, Advice: finding.advice})
			continue
		}
		passed[c.name] = true
		done(Check{Name: c.name, Outcome: Passed, Detail: detail})
	}
	return healthy, nil
}

func firstMissing(needs []string, passed map[string]bool) string {
	for _, need := range needs {
		if !passed[need] {
			return need
		}
	}
	return ""
}

// errNothingToCheck makes a check a skipped one.
var errNothingToCheck = errors.New("nothing to check")

// A finding is a failure with what to do about it.
type finding struct {
	what, advice string
	err          error // nil, or what Gemini or a backend said
}

func (f *finding) Error() string { return f.what }
func (f *finding) Unwrap() error { return f.err }

// diagnose turns any error into a finding.
func diagnose(err error) *finding {
	var known *finding
	if errors.As(err, &known) {
		return known
	}
	var missing *deployment.MissingError
	if errors.As(err, &missing) {
		return &finding{what: missing.Error(), advice: missing.Advice()}
	}
	return &finding{what: err.Error(), advice: adviceOn(err)}
}

func fail(advice, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &finding{what: err.Error(), advice: advice, err: errors.Unwrap(err)}
}

// call bounds one call.
func (e *examination) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.CallTimeout)
}
