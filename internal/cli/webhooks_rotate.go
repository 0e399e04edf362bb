package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// rotated is what "webhooks rotate" prints.
type rotated struct {
	WebhookID     string     `json:"webhook_id"`
	Step          string     `json:"step"`    // begin or finish
	Changed       bool       `json:"changed"` // this run has made the change
	StoredIn      string     `json:"stored_in"`
	StoredSecrets int        `json:"stored_secrets"`
	PreviousUntil *time.Time `json:"previous_until,omitempty"` // when Gemini drops the previous secret
}

// A rotating is one run of "webhooks rotate".
type rotating struct {
	*registry
	store       *secretstore.Store
	documents   *firestore.Client
	deliveries  *deliveries.Reader
	environment *Environment
	call        func(context.Context) (context.Context, context.CancelFunc) // bounds one call of a backend
}

func newRotating(ctx context.Context, s *session) (r *rotating, err error) {
	r = &rotating{environment: &s.Environment, call: s.clients.Call}
	if r.store, err = s.clients.SigningSecrets(); err != nil {
		return nil, err
	}
	if r.registry, err = newRegistry(s); err != nil {
		return nil, err
	}
	if r.documents, err = s.clients.Firestore(ctx); err != nil {
		return nil, err
	}
	r.deliveries, err = s.clients.Deliveries(ctx)
	return r, err
}

func webhooksRotateCommand(s *session) *cobra.Command {
	var finish, early bool
	rotate := &cobra.Command{
		Use:   "rotate [ID]",
		Short: "Replace the signing secret without refusing a delivery",
		Long: `Replaces a webhook's signing secret, in two steps a day apart:

  rotate           asks Gemini for a new secret, stores it together with the old one, and waits until
                   the receiver accepts deliveries signed with either
  rotate --finish  checks that Gemini signs with the new secret, and stores it alone; what anybody sends
                   with an older secret proves nothing

For 24 hours Gemini signs each delivery with both. At no moment is a genuine delivery refused.

Either step can be interrupted and run again: it continues where it was. If a new secret could not be
stored, the next run asks for another; the old one stays valid meanwhile.` + idHelp,
		Example: "  gemhook webhooks rotate --terraform-dir terraform/gcp\n" +
			"  gemhook webhooks rotate --terraform-dir terraform/gcp --finish   # a day later",
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if early && !finish {
				return failure.Usagef("--early goes with --finish")
			}
			r, err := newRotating(command.Context(), s)
			if err != nil {
				return err
			}
			err = r.run(command.Context(), args, finish, early)
			if _, interrupted := failure.Interrupted(command.Context()); interrupted && err != nil {
				return failure.Advise(err, "run it again: it continues where it was, and until then no delivery is refused")
			}
			return err
		},
	}
	flags := rotate.Flags()
	flags.BoolVar(&finish, "finish", false, "drop the previous secret")
	flags.BoolVar(&early, "early", false, "with --finish: while Gemini still signs with the previous one too, as after a leak")
	return rotate
}

func (r *rotating) run(ctx context.Context, args []string, finish, early bool) (err error) {
	w, err := r.one(ctx, args)
	if err != nil {
		return err
	}
	if finish {
		if err := r.checkAlone(ctx, w); err != nil {
			return err
		}
	}
	laid, err := r.layProbe(ctx, w.URI)
	if err != nil {
		return err
	}
	defer func() {
		removing, cancel := r.call(context.WithoutCancel(ctx))
		defer cancel()
		if err := laid.Remove(removing); err != nil {
			r.console.Note("gemhook: %v; it does no harm, and the ledger drops it after an hour", err)
		}
	}()
	steps := &steps{console: r.console, stop: func() {}}
	defer func() { steps.stop() }()
	rotation := rotation.New(w.ID, rotation.Deps{
		Gemini: r.gemini, Store: r.store, Accepts: laid.Accepts, Witness: r.witness(w.ID),
		Now: r.environment.Now, Wait: r.environment.Wait, Step: steps.next,
	})
	result := &rotated{WebhookID: w.ID, Step: "begin", StoredIn: r.store.String()}
	if finish {
		result.Step = "finish"
		err = result.take(rotation.Finish(ctx, early))
	} else {
		err = result.take(rotation.Begin(ctx))
	}
	steps.stop()
	if errors.Is(err, deliveries.ErrNotListed) {
		return failure.Advise(err, "nothing has been dropped: "+deliveries.ListingAdvice+"\n"+
			"or finish by hand: once the previous secret's 24 hours are over, store the first of the secrets, the newest, alone")
	}
	if err != nil {
		return err
	}
	return r.console.Print(result, result.text)
}

// take takes over what a step of the rotation has led to.
func (r *rotated) take(outcome *rotation.Outcome, err error) error {
	if err != nil {
		return err
	}
	r.Changed, r.StoredSecrets = outcome.Changed, outcome.Stored
	if !outcome.ValidUntil.IsZero() {
		r.PreviousUntil = &outcome.ValidUntil
	}
	return nil
}

// steps show what is being done.
type steps struct {
	console *console.Console
	stop    func()
}

func (s *steps) next(what string) {
	s.stop()
	if !s.console.JSON() {
		s.console.Note("%s …", what)
	}
	s.stop = s.console.Working(what)
}

// checkAlone refuses to drop secrets that may be another webhook's.
func (r *rotating) checkAlone(ctx context.Context, w *geminiapi.Webhook) error {
	at, err := r.at(ctx, w.URI)
	if err != nil {
		return err
	}
	if len(at) > 1 {
		return failure.Advise(fmt.Errorf("%d webhooks deliver to %s: nobody can tell whose the other secrets are", len(at), w.URI),
			"leave them stored, which does no harm, or delete the other webhooks: gemhook webhooks list")
	}
	return nil
}

func (r *rotating) layProbe(ctx context.Context, url string) (*probe.Probe, error) {
	ctx, cancel := r.call(ctx)
	defer cancel()
	return probe.Lay(ctx, probe.NewFirestore(r.documents, r.settings.Optional(deployment.Collection)), probe.Options{
		URL: url, Client: r.environment.HTTPClient, Now: r.environment.Now, Rand: r.environment.Rand,
	})
}

// witness has Gemini send a test delivery, and waits for a delivery that is signed with a secret.
// It ignores deliveries that are not: anybody who has an older secret can send any number of them.
func (r *rotating) witness(webhookID string) func(context.Context, string) error {
	return func(ctx context.Context, secret string) error {
		ctx, cancel := context.WithTimeout(ctx, r.environment.PingTimeout)
		defer cancel()
		watch, err := r.deliveries.Watch(ctx, r.environment.Wait)
		if err != nil {
			return err
		}
		if err := r.gemini.Ping(ctx, webhookID); err != nil {
			return err
		}
		others := 0
		for {
			delivery, err := watch.Next(ctx)
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%w within %s (%s came in)", rotation.ErrUnproven, r.environment.PingTimeout, console.Count(others, "other", "others"))
			}
			if err != nil {
				return err
			}
			if delivery.SignedWith(ctx, secret) {
				return nil
			}
			others++
		}
	}
}

func (r *rotated) text() string {
	switch {
	case r.Step == "finish" && !r.Changed:
		return "there is nothing to finish: one secret is stored\n"
	case r.Step == "finish":
		return "the new secret alone is in " + r.StoredIn + "; within five minutes the receiver knows no other\n"
	}
	text := "the receiver accepts the new secret and the previous one\n"
	if !r.Changed {
		text = "a rotation is under way: " + text
	}
	if r.PreviousUntil != nil {
		text += "Gemini drops the previous one at " + stamp(*r.PreviousUntil) + "; then run: gemhook webhooks rotate --finish\n"
	}
	return text
}
