// Package rotation replaces the signing secret of a webhook without a moment at which a genuine
// delivery is refused.
//
//	begin   ask Gemini for a new secret; it signs with the old one too for 24 hours
//	        store both together, the new one first
//	        probe the receiver until it accepts deliveries signed with either
//	finish  after the 24 hours: check that Gemini signs with the new one, and store only that
//
// The receiver looks for newer secrets as soon as a signature does not match (at most once in ten
// seconds), and during the 24 hours each delivery has a signature by a secret that it knows
// already. So there is no moment of change, and no order in which instances must read the secrets.
//
// # Interruption
//
// What is stored is the only state, and every step can be run again:
//
//   - before Gemini is asked, nothing has happened;
//   - between asking and storing, only the end of the process interrupts. Then Gemini has a
//     secret that nobody knows, and the old one stays valid: [Rotation.Begin] sees from the
//     webhook that what is stored lacks one, and asks again;
//   - after the storing, Begin sees a rotation under way and only probes;
//   - [Rotation.Finish] changes nothing before its single write, and has nothing to do after it.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/webhook"
)

// Grace is for how long after a rotation the previous secret stays valid.
const Grace = 24 * time.Hour

var (
	// ErrRefused is returned when the receiver does not accept the secrets that it should read.
	ErrRefused = errors.New("the receiver does not accept what is stored")
	// ErrNotStored is returned by Begin when Gemini has a new secret that could not be stored and
	// so is lost.
	ErrNotStored = errors.New("the new secret could not be stored")
	// ErrChanged is returned by Begin when Gemini has made another secret meanwhile, which is not
	// stored.
	ErrChanged = errors.New("somebody else has rotated the secret at the same time")
	// ErrTooEarly is returned by Finish while the previous secret is still valid at Gemini.
	ErrTooEarly = errors.New("the previous secret is still valid")
	// ErrUnknownSecret is returned by Finish when the secret that Gemini will go on signing with is
	// not stored.
	ErrUnknownSecret = errors.New("Gemini signs with a secret that is not stored")
	// ErrUnproven is returned by a witness when no delivery signed with the secret has come in.
	ErrUnproven = errors.New("no delivery signed with the new secret has come in")
)

// Gemini is what a rotation asks of the WebhookService: [*geminiapi.Client].
type Gemini interface {
	Get(ctx context.Context, id string) (*geminiapi.Webhook, error)
	Rotate(ctx context.Context, id string, behavior geminiapi.RevocationBehavior) (geminiapi.Secret, error)
}

// A Store is where the receiver reads its secrets: [*secretstore.Store].
type Store interface {
	Read(ctx context.Context) (secret.Text, error)
	WrittenAt(ctx context.Context) (time.Time, error)
	CheckWritable(ctx context.Context) error
	Change(ctx context.Context, change func(stored string) (string, error)) error
}

// Deps are what a rotation works with.
type Deps struct {
	Gemini Gemini
	Store  Store
	// Accepts reports whether the receiver accepts a delivery signed with a secret.
	Accepts func(ctx context.Context, secret string) (bool, error)
	// Witness waits for a delivery of the webhook that was made after the call and is signed with a
	// secret. It fails with ErrUnproven if none comes.
	Witness func(ctx context.Context, secret string) error

	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
	// Step is called with what is done next.
	Step func(what string)
}

// A Rotation is the rotation of one webhook's secret.
type Rotation struct {
	Deps
	id string
}

// New returns the rotation of a webhook.
func New(webhookID string, deps Deps) *Rotation { return &Rotation{deps, webhookID} }

// An Outcome is the result of a step.
type Outcome struct {
	Changed    bool      // this call has made the change; it was not done already
	Stored     int       // how many secrets are stored now
	ValidUntil time.Time // of the previous secret at Gemini; zero if it is not known or over
}

// Begin brings a rotation to the point where the receiver accepts the new secret and those before.
// It continues a rotation that was interrupted before that; after a finished one it begins the
// next.
//
// It asks nothing of Gemini unless the store can be written and the receiver accepts what is
// stored, or nothing is.
func (r *Rotation) Begin(ctx context.Context) (*Outcome, error) {
	r.Step("looking at the webhook and what is stored")
	stored, err := r.stored(ctx)
	if err != nil {
		return nil, err
	}
	webhook, err := r.Gemini.Get(ctx, r.id)
	if err != nil {
		return nil, err
	}
	if err := r.Store.CheckWritable(ctx); err != nil {
		return nil, err
	}
	underWay, err := r.underWay(ctx, webhook, stored)
	if err != nil {
		return nil, err
	}
	if !underWay {
		if err := r.checkReceiver(ctx, stored); err != nil {
			return nil, err
		}
		if stored, err = r.ask(ctx); err != nil {
			return nil, err
		}
	}
	r.Step("waiting for the receiver to accept the new secret and the old")
	if err := r.await(ctx, stored); err != nil {
		return nil, err
	}
	if webhook, err = r.Gemini.Get(ctx, r.id); err != nil {
		return nil, err
	}
	if err := r.checkStored(ctx, webhook); err != nil {
		return nil, err
	}
	return &Outcome{Changed: !underWay, Stored: len(stored), ValidUntil: validUntil(webhook, r.Now())}, nil
}

// checkStored checks at the end that the secret which Gemini signs with is still stored: two
// rotations at the same time may store their secrets in the opposite order.
func (r *Rotation) checkStored(ctx context.Context, webhook *geminiapi.Webhook) error {
	stored, err := r.stored(ctx)
	if err != nil {
		return err
	}
	if known, shown := Stored(webhook, stored); shown && !known {
		return ErrChanged
	}
	return nil
}

// stored returns the secrets that are stored, the newest first.
func (r *Rotation) stored(ctx context.Context) ([]string, error) {
	text, err := r.Store.Read(ctx)
	if err != nil && !errors.Is(err, secretstore.ErrEmpty) {
		return nil, err
	}
	return Secrets(text.Reveal()), nil
}

// Secrets returns the signing secrets in a text as it is stored, without what is malformed: the
// receiver does not use that either, and it is dropped with the next change.
func Secrets(stored string) []string {
	return slices.DeleteFunc(strings.Fields(stored), func(text string) bool {
		_, err := webhook.ParseSecret(text)
		return err != nil
	})
}

// checkReceiver makes sure that the receiver reads this store, before anything is changed. A
// receiver without any secret has nothing to lose.
func (r *Rotation) checkReceiver(ctx context.Context, stored []string) error {
	if len(stored) == 0 {
		return nil
	}
	r.Step("probing the receiver with the present secret")
	accepted, err := r.Accepts(ctx, stored[0])
	for deadline := r.Now().Add(checking); err == nil && !accepted; accepted, err = r.Accepts(ctx, stored[0]) {
		if !r.Now().Before(deadline) {
			return ErrRefused
		}
		if err := r.Wait(ctx, probeEvery); err != nil {
			return err
		}
	}
	return err
}

// ask has Gemini make a new secret and stores it. Between these two steps ctx does not interrupt
// it.
func (r *Rotation) ask(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	r.Step("asking Gemini for a new secret")
	made, err := r.Gemini.Rotate(ctx, r.id, geminiapi.RevokeAfter24Hours)
	if err != nil {
		return nil, err
	}
	r.Step("storing the new secret and the old")
	stored, err := r.prepend(ctx, made.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStored, err)
	}
	return stored, nil
}

// prepend stores a secret before those that are stored at that moment, and returns all.
func (r *Rotation) prepend(ctx context.Context, made string) (all []string, err error) {
	err = r.change(ctx, func(stored []string) ([]string, error) {
		all = stored
		if !slices.Contains(stored, made) {
			all = append([]string{made}, stored...)
		}
		return all, nil
	})
	return all, err
}

// changeTries is how often a change is tried: without the new secret, another rotation is needed.
const changeTries = 5

// change changes the secrets that are stored. An error of change ends it.
func (r *Rotation) change(ctx context.Context, change func(stored []string) ([]string, error)) (err error) {
	for try := range changeTries {
		if try > 0 {
			if err := r.Wait(ctx, time.Second<<try); err != nil {
				return err
			}
		}
		var refused error
		err = r.Store.Change(ctx, func(stored string) (string, error) {
			secrets, err := change(Secrets(stored))
			refused = err
			return strings.Join(secrets, " "), err
		})
		if err == nil || refused != nil {
			return err
		}
	}
	return err
}

const (
	// checking is how long the receiver may take to accept what was stored before: it looks every
	// ten seconds if it must.
	checking = 15 * time.Second
	// probing is how long the receiver may take to accept a secret: within five minutes it reads
	// what is stored by itself.
	probing      = 6 * time.Minute
	probeEvery   = time.Second
	probesPassed = 3 // in a row, as there may be several instances
)

// await probes until the receiver has accepted each secret several times in a row.
func (r *Rotation) await(ctx context.Context, secrets []string) error {
	deadline := r.Now().Add(probing)
	for _, candidate := range secrets {
		for passed := 0; passed < probesPassed; {
			accepted, err := r.Accepts(ctx, candidate)
			if err == nil && accepted {
				passed++
				continue
			}
			passed = 0
			if errors.Is(err, probe.ErrOtherLedger) {
				return err
			}
			if !r.Now().Before(deadline) {
				return errors.Join(ErrRefused, err)
			}
			if err := r.Wait(ctx, probeEvery); err != nil {
				return err
			}
		}
	}
	return nil
}
