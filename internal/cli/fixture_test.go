package cli_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/secrettest"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/app"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
)

const (
	apiKey       = "AIza-the-key-of-these-tests"
	dynamicKey   = "dynkey_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	audience     = "gemhook-tests"
	events       = "events"
	deadLetters  = "dead-letters"
	subscription = "events-all"
	letters      = "dead-letters-kept"
)

// keys are published private keys: making new RSA keys for every test takes seconds.
var keys = sync.OnceValue(func() *standin.Keys {
	text, err := os.ReadFile(keysFile)
	if err != nil {
		panic(err)
	}
	keys, err := standin.ParseKeys(text)
	if err != nil {
		panic(err)
	}
	return keys
})

const keysFile = "../../shared/webhook/testdata/signing-keys.json"

// A fixture is a project on the emulators with a receiver, a Secret Manager and a Gemini of its
// own, and the environment of somebody who operates it.
type fixture struct {
	t         *testing.T
	project   string
	signing   string // name of the secret
	gemini    *standin.Server
	secrets   *secrettest.Manager
	receiver  string // URL
	messages  *pubsub.Client
	documents *firestore.Client
	env       map[string]string
	pingFor   time.Duration
	callFor   time.Duration
	now       func() time.Time
	// publishing is asked about each call of the receiver's to Pub/Sub; nil lets all through.
	publishing func() error
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixtureWithoutReceiver(t)
	f.receiver = f.startReceiver(nil)
	f.env["GEMHOOK_URL"] = f.receiver
	return f
}

func newFixtureWithoutReceiver(t *testing.T) *fixture {
	t.Helper()
	testkit.FirestoreHost(t)
	testkit.PubSubHost(t)
	f := &fixture{t: t, project: "cli-" + random(t), pingFor: 10 * time.Second, callFor: 20 * time.Second}
	f.signing = "projects/" + f.project + "/secrets/signing"
	f.secrets = secrettest.New(t, nil)
	f.secrets.Create(f.signing)
	f.gemini = standin.NewServerWithOptions(keys(), &standin.ServerOptions{APIKeys: []string{apiKey}})
	listening := httptest.NewServer(f.gemini)
	t.Cleanup(listening.Close)

	var err error
	if f.messages, err = pubsub.NewClient(t.Context(), f.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.messages.Close() })
	if f.documents, err = firestore.NewClient(t.Context(), f.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.documents.Close() })
	f.createTopic(events, subscription)
	f.createTopic(deadLetters, letters)
	f.env = map[string]string{
		"GEMINI_API_KEY": apiKey, "GOOGLE_GEMINI_BASE_URL": listening.URL,
		"GOOGLE_CLOUD_PROJECT": f.project, "GEMHOOK_TOPIC": events, "GEMHOOK_DEAD_LETTER_TOPIC": deadLetters,
		"GEMHOOK_DEAD_LETTER_SUBSCRIPTION": letters, "GEMHOOK_SIGNING_SECRETS": f.signing, "GEMHOOK_DYNAMIC_KEYS": dynamicKey,
		"GEMHOOK_JWKS_URL": listening.URL + standin.JWKSPath, "GEMHOOK_JWT_AUDIENCE": audience,
	}
	return f
}

// in returns the fixture for a subtest, so that a failure ends the subtest.
func (f *fixture) in(t *testing.T) *fixture {
	inner := *f
	inner.t = t
	return &inner
}

func random(t *testing.T) string {
	t.Helper()
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b[:])
}

func (f *fixture) createTopic(id, subscription string) {
	f.t.Helper()
	name := "projects/" + f.project + "/topics/" + id
	if _, err := f.messages.TopicAdminClient.CreateTopic(f.t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.messages.SubscriptionAdminClient.CreateSubscription(f.t.Context(), &pubsubpb.Subscription{
		Name: "projects/" + f.project + "/subscriptions/" + subscription, Topic: name, AckDeadlineSeconds: 60,
	}); err != nil {
		f.t.Fatal(err)
	}
}

// startReceiver starts a receiver with this fixture's environment, some of it set otherwise, and
// returns its URL.
func (f *fixture) startReceiver(set map[string]string) string {
	f.t.Helper()
	env := map[string]string{}
	for _, from := range []map[string]string{f.env, set} {
		for name, value := range from {
			env[name] = value
		}
	}
	configuration, err := config.Load(config.Receive, config.Map(env))
	if err != nil {
		f.t.Fatal(err)
	}
	// What the receiver logs may come after the end of the test, when t takes no more.
	var logged testkit.Buffer
	log := slog.New(cloudlog.NewHandler(&logged, &cloudlog.Options{Level: slog.LevelWarn, Project: f.project}))
	// Not before it is needed: a receiver that has just found no secret looks again a second later.
	handler := sync.OnceValue(func() *app.App {
		made := receive.New(configuration, log, &backend.Options{
			SecretManager: f.secrets.Options(), PubSub: f.pubsubOptions(), Anonymous: true, Now: f.now,
		})
		f.t.Cleanup(func() { _ = made.Close() })
		return made
	})
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		handler().ServeHTTP(out, request)
	}))
	f.t.Cleanup(func() {
		server.Close()
		if f.t.Failed() {
			f.t.Logf("the receiver's log:\n%s", logged.String())
		}
	})
	return server.URL
}

// pubsubOptions are those of the receiver's client of Pub/Sub.
func (f *fixture) pubsubOptions() []option.ClientOption {
	if f.publishing == nil {
		return nil
	}
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithUnaryInterceptor(
		func(ctx context.Context, method string, request, answer any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			if err := f.publishing(); err != nil {
				return err
			}
			return invoke(ctx, method, request, answer, connection, options...)
		},
	))}
}

// register registers the receiver, waits until that has read its secret, and returns the webhook's
// id.
func (f *fixture) register() string {
	f.t.Helper()
	var created struct{ Webhook struct{ ID string } }
	f.run("webhooks", "create", "-o", "json").want(0).json(&created)
	stored, _ := f.secrets.Latest(f.signing)
	f.awaitAccepted(stored)
	return created.Webhook.ID
}

// awaitAccepted waits until the receiver accepts what is signed with a secret.
func (f *fixture) awaitAccepted(secret string) {
	f.t.Helper()
	laid, err := probe.Lay(f.t.Context(), probe.NewFirestore(f.documents, "deliveries"), probe.Options{
		URL: f.receiver + "/", Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() {
		if err := laid.Remove(f.t.Context()); err != nil {
			f.t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(f.t.Context(), testkit.Patience)
	defer cancel()
	for {
		if accepted, _ := laid.Accepts(ctx, secret); accepted {
			return
		}
		if err := soon(ctx, time.Second); err != nil {
			f.t.Fatal("the receiver does not accept the secret")
		}
	}
}

// publish publishes an event of no receiver's to a topic.
func (f *fixture) publish(topic string, attributes map[string]string) {
	f.t.Helper()
	_, err := f.messages.TopicAdminClient.Publish(f.t.Context(), &pubsubpb.PublishRequest{
		Topic:    "projects/" + f.project + "/topics/" + topic,
		Messages: []*pubsubpb.PubsubMessage{{Data: []byte("{}"), Attributes: attributes}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// pull takes all messages from a subscription.
func (f *fixture) pull(subscription string) []*pubsubpb.PubsubMessage {
	f.t.Helper()
	var all []*pubsubpb.PubsubMessage
	for {
		ctx, cancel := context.WithTimeout(f.t.Context(), 500*time.Millisecond)
		response, err := f.messages.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
			Subscription: "projects/" + f.project + "/subscriptions/" + subscription, MaxMessages: 1000,
		})
		cancel()
		if err != nil || len(response.GetReceivedMessages()) == 0 {
			return all
		}
		var acks []string
		for _, received := range response.GetReceivedMessages() {
			all = append(all, received.GetMessage())
			acks = append(acks, received.GetAckId())
		}
		if err := f.messages.SubscriptionAdminClient.Acknowledge(f.t.Context(), &pubsubpb.AcknowledgeRequest{
			Subscription: "projects/" + f.project + "/subscriptions/" + subscription, AckIds: acks,
		}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// subscriptions returns the ids of all subscriptions.
func (f *fixture) subscriptions() (ids []string) {
	f.t.Helper()
	all := f.messages.SubscriptionAdminClient.ListSubscriptions(f.t.Context(), &pubsubpb.ListSubscriptionsRequest{Project: "projects/" + f.project})
	for found, err := range all.All() {
		if err != nil {
			f.t.Fatal(err)
		}
		ids = append(ids, found.GetName()[strings.LastIndex(found.GetName(), "/")+1:])
	}
	return ids
}

// ledgerSize returns how many documents are in the ledger.
func (f *fixture) ledgerSize() int {
	f.t.Helper()
	all, err := f.documents.Collection("deliveries").Documents(f.t.Context()).GetAll()
	if err != nil {
		f.t.Fatal(err)
	}
	return len(all)
}
