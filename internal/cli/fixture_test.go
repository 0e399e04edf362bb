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
	w := newFixtureWithoutReceiver(t)
	w.receiver = w.startReceiver(nil)
	w.env["GEMHOOK_URL"] = w.receiver
	return w
}

func newFixtureWithoutReceiver(t *testing.T) *fixture {
	t.Helper()
	testkit.FirestoreHost(t)
	testkit.PubSubHost(t)
	w := &fixture{t: t, project: "cli-" + random(t), pingFor: 10 * time.Second, callFor: 20 * time.Second}
	w.signing = "projects/" + w.project + "/secrets/signing"
	w.secrets = secrettest.New(t, nil)
	w.secrets.Create(w.signing)
	w.gemini = standin.NewServerWithOptions(keys(), &standin.ServerOptions{APIKeys: []string{apiKey}})
	listening := httptest.NewServer(w.gemini)
	t.Cleanup(listening.Close)

	var err error
	if w.messages, err = pubsub.NewClient(t.Context(), w.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.messages.Close() })
	if w.documents, err = firestore.NewClient(t.Context(), w.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.documents.Close() })
	w.createTopic(events, subscription)
	w.createTopic(deadLetters, letters)
	w.env = map[string]string{
		"GEMINI_API_KEY": apiKey, "GOOGLE_GEMINI_BASE_URL": listening.URL,
		"GOOGLE_CLOUD_PROJECT": w.project, "GEMHOOK_TOPIC": events, "GEMHOOK_DEAD_LETTER_TOPIC": deadLetters,
		"GEMHOOK_DEAD_LETTER_SUBSCRIPTION": letters, "GEMHOOK_SIGNING_SECRETS": w.signing, "GEMHOOK_DYNAMIC_KEYS": dynamicKey,
		"GEMHOOK_JWKS_URL": listening.URL + standin.JWKSPath, "GEMHOOK_JWT_AUDIENCE": audience,
	}
	return w
}

func random(t *testing.T) string {
	t.Helper()
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b[:])
}

func (w *fixture) createTopic(id, subscription string) {
	w.t.Helper()
	name := "projects/" + w.project + "/topics/" + id
	if _, err := w.messages.TopicAdminClient.CreateTopic(w.t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.messages.SubscriptionAdminClient.CreateSubscription(w.t.Context(), &pubsubpb.Subscription{
		Name: "projects/" + w.project + "/subscriptions/" + subscription, Topic: name, AckDeadlineSeconds: 60,
	}); err != nil {
		w.t.Fatal(err)
	}
}

// startReceiver starts a receiver with this fixture's environment, some of it set otherwise, and
// returns its URL.
func (w *fixture) startReceiver(set map[string]string) string {
	w.t.Helper()
	env := map[string]string{}
	for _, from := range []map[string]string{w.env, set} {
		for name, value := range from {
			env[name] = value
		}
	}
	configuration, err := config.Load(config.Receive, config.Map(env))
	if err != nil {
		w.t.Fatal(err)
	}
	// What the receiver logs may come after the end of the test, when t takes no more.
	var logged testkit.Buffer
	log := slog.New(cloudlog.NewHandler(&logged, &cloudlog.Options{Level: slog.LevelWarn, Project: w.project}))
	// Not before it is needed: a receiver that has just found no secret looks again a second later.
	handler := sync.OnceValue(func() *app.App {
		made := receive.New(configuration, log, &backend.Options{
			SecretManager: w.secrets.Options(), PubSub: w.pubsubOptions(), Anonymous: true, Now: w.now,
		})
		w.t.Cleanup(func() { _ = made.Close() })
		return made
	})
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		handler().ServeHTTP(out, request)
	}))
	w.t.Cleanup(func() {
		server.Close()
		if w.t.Failed() {
			w.t.Logf("the receiver's log:\n%s", logged.String())
		}
	})
	return server.URL
}

// pubsubOptions are those of the receiver's client of Pub/Sub.
func (w *fixture) pubsubOptions() []option.ClientOption {
	if w.publishing == nil {
		return nil
	}
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithUnaryInterceptor(
		func(ctx context.Context, method string, request, answer any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			if err := w.publishing(); err != nil {
				return err
			}
			return invoke(ctx, method, request, answer, connection, options...)
		},
	))}
}

// register registers the receiver, waits until that has read its secret, and returns the webhook's
// id.
func (w *fixture) register() string {
	w.t.Helper()
	var created struct{ Webhook struct{ ID string } }
	w.run("webhooks", "create", "-o", "json").want(0).json(&created)
	stored, _ := w.secrets.Latest(w.signing)
	w.awaitAccepted(stored)
	return created.Webhook.ID
}

// awaitAccepted waits until the receiver accepts what is signed with a secret.
func (w *fixture) awaitAccepted(secret string) {
	w.t.Helper()
	laid, err := probe.Lay(w.t.Context(), probe.NewFirestore(w.documents, "deliveries"), probe.Options{
		URL: w.receiver + "/", Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := laid.Remove(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	for {
		if accepted, _ := laid.Accepts(ctx, secret); accepted {
			return
		}
		if err := soon(ctx, time.Second); err != nil {
			w.t.Fatal("the receiver does not accept the secret")
		}
	}
}

// pull takes all messages from a subscription.
func (w *fixture) pull(subscription string) []*pubsubpb.PubsubMessage {
	w.t.Helper()
	var all []*pubsubpb.PubsubMessage
	for {
		ctx, cancel := context.WithTimeout(w.t.Context(), 500*time.Millisecond)
		response, err := w.messages.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{
			Subscription: "projects/" + w.project + "/subscriptions/" + subscription, MaxMessages: 1000,
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
		if err := w.messages.SubscriptionAdminClient.Acknowledge(w.t.Context(), &pubsubpb.AcknowledgeRequest{
			Subscription: "projects/" + w.project + "/subscriptions/" + subscription, AckIds: acks,
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// subscriptions returns the ids of all subscriptions.
func (w *fixture) subscriptions() (ids []string) {
	w.t.Helper()
	all := w.messages.SubscriptionAdminClient.ListSubscriptions(w.t.Context(), &pubsubpb.ListSubscriptionsRequest{Project: "projects/" + w.project})
	for found, err := range all.All() {
		if err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, found.GetName()[strings.LastIndex(found.GetName(), "/")+1:])
	}
	return ids
}

// ledgerSize returns how many documents are in the ledger.
func (w *fixture) ledgerSize() int {
	w.t.Helper()
	all, err := w.documents.Collection("deliveries").Documents(w.t.Context()).GetAll()
	if err != nil {
		w.t.Fatal(err)
	}
	return len(all)
}
