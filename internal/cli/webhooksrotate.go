package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/rotation"
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

func (s *session) webhooksRotateCommand() *cobra.Command {
	var finish, early bool
	rotate := &cobra.Command{
		Use:   "rotate [ID]",
		Short: "Replace the signing secret without refusing a delivery",
		Long: `Replaces a webhook's signing secret, in two steps a day apart:

  rotate           asks Gemini for a new secret, stores it together with the old one, and waits until
                   the receiver accepts deliveries signed with either
  rotate --finish  sees that Gemini signs with the new secret, and stores it alone

For 24 hours Gemini signs each delivery with both. At no moment is a genuine delivery refused.

Either step can be interrupted and run again: it takes up where it was. If a new secret could not be
stored, the next run asks for another; the old one stays valid meanwhile.` + idHelp,
		Example: "  gemhook webhooks rotate --terraform-dir terraform/gcp\n" +
			"  gemhook webhooks rotate --terraform-dir terraform/gcp --finish   # a day later",
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if early && !finish {
				return usage("--early goes with --finish")
			}
			return s.rotate(command.Context(), args, finish, early)
		},
	}
	flags := rotate.Flags()
	flags.BoolVar(&finish, "finish", false, "drop the previous secret")
	flags.BoolVar(&early, "early", false, "with --finish: while Gemini still signs with the previous one too, as after a leak")
	return rotate
}

func (s *session) rotate(ctx context.Context, args []string, finish, early bool) (err error) {
	store, err := s.secretStore()
	if err != nil {
		return err
	}
	w, err := s.webhook(ctx, args)
	if err != nil {
		return err
	}
	if finish {
		if err := s.checkAlone(ctx, w); err != nil {
			return err
		}
	}
	laid, err := s.layProbe(ctx, w.URI)
	if err != nil {
		return err
	}
	defer func() {
		removing, cancel := s.call(context.WithoutCancel(ctx))
		defer cancel()
		if removeErr := laid.Remove(removing); removeErr != nil {
			s.console.Note("gemhook: %v; it does no harm and ends with its hour", removeErr)
		}
	}()
	client, err := s.gemini()
	if err != nil {
		return err
	}
	var progress *console.Progress
	stop := func() {
		if progress != nil {
			progress.Stop()
		}
	}
	defer stop()
	r := rotation.New(w.ID, rotation.Deps{
		Gemini: client, Store: store, Accepts: laid.Accepts, Witness: s.witness(client, w.ID), Now: s.Now, Wait: s.Wait,
		Step: func(what string) {
			stop()
			if !s.console.JSON() {
				s.console.Note("%s …", what)
			}
			progress = s.console.Progress(what, 0)
		},
	})
	result := &rotated{WebhookID: w.ID, Step: "begin", StoredIn: store.String()}
	var outcome *rotation.Outcome
	if finish {
		result.Step = "finish"
		outcome, err = r.Finish(ctx, early)
	} else {
		outcome, err = r.Begin(ctx)
	}
	stop()
	if err != nil {
		return advise(err, rotationAdvice(err))
	}
	result.Changed, result.StoredSecrets = outcome.Changed, outcome.Stored
	if !outcome.ValidUntil.IsZero() {
		result.PreviousUntil = &outcome.ValidUntil
	}
	return s.console.Print(result, result.text)
}

// checkAlone refuses to drop secrets that may be another webhook's.
func (s *session) checkAlone(ctx context.Context, w *geminiapi.Webhook) error {
	at, err := s.webhooksAt(ctx, w.URI)
	if err != nil {
		return err
	}
	if len(at) > 1 {
		return advise(fmt.Errorf("%d webhooks deliver to %s: nobody can tell whose the other secrets are", len(at), w.URI),
			"leave them stored, which does no harm, or delete the other webhooks: gemhook webhooks list")
	}
	return nil
}

func (s *session) layProbe(ctx context.Context, url string) (*probe.Probe, error) {
	documents, err := s.firestore(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.call(ctx)
	defer cancel()
	return probe.Lay(ctx, probe.NewFirestore(documents, s.settings.Optional(deployment.Collection)), probe.Options{
		URL: url, Client: s.HTTPClient, Now: s.Now, Rand: s.Rand,
	})
}

// witness has Gemini send a test delivery and tells which secret has signed what comes in after that.
func (s *session) witness(client *geminiapi.Client, webhookID string) func(context.Context, []string) (int, error) {
	return func(ctx context.Context, secrets []string) (int, error) {
		reader, err := s.ledger(ctx)
		if err != nil {
			return 0, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.PingTimeout)
		defer cancel()
		watch, err := reader.Watch(ctx, s.Wait)
		if err != nil {
			return 0, err
		}
		if err := client.Ping(ctx, webhookID); err != nil {
			return 0, err
		}
		delivery, err := watch.Next(ctx)
		if err != nil {
			return 0, fmt.Errorf("wait for Gemini's test delivery: %w", err)
		}
		return delivery.Signer(ctx, secrets), nil
	}
}

func rotationAdvice(err error) string {
	switch {
	case errors.Is(err, deliveries.ErrNotListed):
		return "nothing has been dropped: " + deliveries.ListingAdvice + "\n" +
			"or finish by hand: once the previous secret's 24 hours are over, store the first of the secrets, the newest, alone"
	case errors.Is(err, rotation.ErrNotStored):
		return "nothing is refused: the previous secret stays valid for 24 hours. Set right why it could not be stored and run\ngemhook webhooks rotate again, which asks for another"
	case errors.Is(err, rotation.ErrChanged):
		return "nothing is refused: the previous secret stays valid for 24 hours. When nobody else is at it, run this again"
	case errors.Is(err, rotation.ErrRefused):
		return "find out why: gemhook doctor. Then run this again; it takes up where it was"
	case errors.Is(err, rotation.ErrTooEarly):
		return "run it then; or, after a leak, now, with --early"
	case errors.Is(err, rotation.ErrUnknownSecret):
		return "nothing has been dropped. Have Gemini make a new secret: gemhook webhooks rotate"
	case errors.Is(err, context.DeadlineExceeded):
		return "find out why: gemhook doctor. Nothing is lost; run this again then"
	}
	return adviceOn(err)
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
