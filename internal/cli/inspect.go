package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"github.com/spf13/cobra"

	"github.com/gemhook/gemhook/internal/cli/console"
	"github.com/gemhook/gemhook/internal/cli/deliveries"
	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/explain"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/cli/messages"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/page"
	"github.com/gemhook/gemhook/internal/inspect/tap"
	"github.com/gemhook/gemhook/shared/webhook"
)

// An inspection is one run of "inspect".
type inspection struct {
	console      *console.Console
	documents    *firestore.CollectionRef
	messages     *pubsub.Client
	settings     *deployment.Settings
	call         func(context.Context) (context.Context, context.CancelFunc) // bounds one call of a backend
	verification *verification
	options      explain.Options
	verifying    sync.Mutex // held while keys are read: the clients may not be opened concurrently
	log          *inspect.Log
	inspectFlags
}

type inspectFlags struct {
	port, newest int
	results      string
	ledgerOnly   bool
}

func inspectCommand(s *session) *cobra.Command {
	var given inspectFlags
	command := &cobra.Command{
		Use:   "inspect",
		Short: "Show a deployment's deliveries on a page, live",
		Long: `Serves a page on this machine that shows the newest deliveries of the ledger and what is published
from now on: each with the ledger's document over time, its verification step by step, and the
message. It ends when it is interrupted.

The page only reads. What the receiver has refused is not on it, nor are headers and the times of
steps: the ledger does not have them. It follows the topic by a subscription of its own, which is
deleted at the end. Verification needs the signing secrets to be readable.

It listens on 127.0.0.1, and shows data only to the URL that is printed, which has a token. To see
it from elsewhere, take an SSH tunnel to the same port.`,
		Example: "  gemhook inspect --terraform-dir terraform/gcp",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if given.port < 0 || given.port > 65535 || given.newest < 1 {
				return failure.Usagef("--port is a number to 65535, --newest one from 1")
			}
			documents, err := s.clients.Firestore(command.Context())
			if err != nil {
				return err
			}
			client, err := s.clients.PubSub(command.Context())
			if err != nil {
				return err
			}
			i := &inspection{
				console: s.console, documents: documents.Collection(s.settings.Optional(deployment.Collection)), messages: client,
				settings: s.settings, call: s.clients.Call, log: inspect.NewLog(nil), inspectFlags: given,
				verification: &verification{
					settings: s.settings, client: s.HTTPClient, now: s.Now, call: s.clients.Call, secretText: s.clients.SecretText,
				},
			}
			return i.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.IntVar(&given.port, "port", 0, "port of 127.0.0.1 to listen on; 0 is a free one")
	flags.IntVar(&given.newest, "newest", 100, "how many deliveries of the ledger to show and follow; Firestore charges a read for each")
	flags.StringVar(&given.results, "results", "", "id of the results topic, to show what was collected")
	flags.BoolVar(&given.ledgerOnly, "ledger-only", false, "follow no topic, and make no subscription")
	flags.String("topic", "", "id of the topic ($GEMHOOK_TOPIC)")
	return command
}

func (i *inspection) run(ctx context.Context) error {
	project, err := i.settings.CloudProject()
	if err != nil {
		return err
	}
	topics, err := i.topics()
	if err != nil {
		return err
	}
	if i.options, err = i.verification.options(); err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	served, wait, err := page.Serve(running, net.JoinHostPort("127.0.0.1", strconv.Itoa(i.port)), i.log, page.Options{
		Title: "in " + project, Verify: i.verify,
	})
	if err != nil {
		return err
	}
	var following sync.WaitGroup
	failed := make(chan error, len(topics)+1)
	follow := func(what func(context.Context) error) {
		following.Go(func() {
			if err := what(running); err != nil {
				failed <- err
			}
		})
	}
	follow(i.ledger)
	for _, topic := range topics {
		follow(func(ctx context.Context) error { return i.topic(ctx, topic) })
	}
	err = i.console.Print(map[string]string{"url": served.URL()}, func() string { return served.URL() + "\n" })
	if err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
		}
	}
	stop()
	following.Wait()
	return errors.Join(err, wait())
}

// topics returns the ids of the topics to follow.
func (i *inspection) topics() ([]string, error) {
	if i.ledgerOnly {
		return nil, nil
	}
	topic, err := i.settings.Get(deployment.Topic)
	if err != nil {
		return nil, err
	}
	topics := []string{topic}
	if i.results != "" {
		topics = append(topics, i.results)
	}
	return topics, nil
}

// ledger follows the ledger. If the ledger cannot be listed, it goes on, unless there is nothing
// else to follow.
func (i *inspection) ledger(ctx context.Context) error {
	err := tap.Ledger(ctx, i.log, i.documents, i.newest)
	if errors.Is(err, deliveries.ErrNotListed) && !i.ledgerOnly {
		i.console.Note("gemhook: the ledger cannot be listed: only what is published from now on is shown\n%s", deliveries.ListingAdvice)
		return nil
	}
	return err
}

// topic follows a topic until ctx ends.
func (i *inspection) topic(ctx context.Context, topic string) error {
	// An interruption does not reach these calls: it could leave a subscription that is being made.
	calling, cancel := i.call(context.WithoutCancel(ctx))
	defer cancel()
	subscription, err := messages.Subscribe(calling, i.messages, topic, messages.Filter{})
	if err != nil {
		return err
	}
	defer func() {
		calling, cancel := i.call(context.WithoutCancel(ctx))
		defer cancel()
		if err := messages.Unsubscribe(calling, i.messages, subscription); err != nil {
			i.console.Note("gemhook: %v; Pub/Sub does so after a day", err)
		}
	}()
	return messages.Follow(ctx, i.messages, subscription, messages.Filter{}, true, func(m *messages.Message) bool {
		tap.Message(i.log, inspect.Message{ID: m.ID, Topic: topic, PublishTime: m.PublishTime, Data: m.Data, Attributes: m.Attributes})
		return true
	})
}

// verify verifies a static webhook's delivery by what the ledger has of it: the bytes and headers
// that are signed. Dynamic deliveries cannot be verified: the ledger has neither their URL nor a
// token.
func (i *inspection) verify(ctx context.Context, r *inspect.Record) *explain.Report {
	if r.Tenant != "" || r.Scheme != string(webhook.SchemeV1) || len(r.Documents) == 0 {
		return nil
	}
	i.verifying.Lock()
	defer i.verifying.Unlock()
	document := r.Documents[len(r.Documents)-1]
	header := http.Header{}
	header.Set(webhook.HeaderID, r.WebhookID)
	for _, name := range []string{webhook.HeaderTimestamp, webhook.HeaderSignature} {
		header.Set(name, document.Attributes[name])
	}
	options := i.options
	options.At = document.ReceivedAt
	capture := explain.Capture{Path: "/", Header: header, Body: document.Payload}
	return explain.Deliver(ctx, capture, i.verification.keys(ctx, capture.Path), options)
}
