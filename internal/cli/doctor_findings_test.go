package cli_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// The advice on a malformed secret leads to a deployment that is in order.
func TestDoctorsAdviceOnAMalformedSecretLeadsOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.secrets.Create(f.signing, `"hunter2"`)
	f.run("doctor").want(1, "is not a signing secret: secret 1: ", "if one is registered: gemhook webhooks rotate")
	f.run("send").want(78, "there is no signing secret", "gemhook webhooks rotate")
	f.run("webhooks", "rotate").want(0, "accepts the new secret")
	f.run("doctor").want(0, "everything is in order")
	if stored, _ := f.secrets.Latest(f.signing); strings.Contains(stored, "hunter2") {
		t.Error("what is malformed is stored still")
	}
}

// If a message is refused, the ledger has the delivery as released, and doctor says what the reason
// may be.
func TestDoctorSaysWhatRefusesAPublish(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refusal error
		topic   *pubsubpb.Topic
		advice  string
	}{
		"no grant": {status.Error(codes.PermissionDenied, "User not authorized."), &pubsubpb.Topic{}, "give the receiver's account roles/pubsub.publisher on topic refusing"},
		"schema":   {nil, &pubsubpb.Topic{SchemaSettings: &pubsubpb.SchemaSettings{Encoding: pubsubpb.Encoding_JSON}}, "--clear-schema-settings"},
		"CMEK":     {status.Error(codes.FailedPrecondition, "The key is disabled."), &pubsubpb.Topic{KmsKeyName: "projects/p/locations/l/keyRings/r/cryptoKeys/k"}, "roles/cloudkms.cryptoKeyEncrypterDecrypter on it: projects/p/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithoutReceiver(t)
			f.publishing = func() error { return test.refusal }
			f.env["GEMHOOK_TOPIC"] = "refusing"
			f.receiver = f.startReceiver(nil)
			f.env["GEMHOOK_URL"] = f.receiver
			delete(f.env, "GEMHOOK_DEAD_LETTER_TOPIC")
			if test.topic.SchemaSettings != nil {
				test.topic.SchemaSettings.Schema = f.createSchema()
			}
			test.topic.Name = "projects/" + f.project + "/topics/refusing"
			if _, err := f.messages.TopicAdminClient.CreateTopic(t.Context(), test.topic); err != nil {
				t.Fatal(err)
			}
			f.register()
			f.run("doctor").want(1, "✗ test delivery", "the ledger has it as released", test.advice)
		})
	}
}

// createSchema makes a schema that no event matches, and returns its name. The emulator enforces
// it.
func (f *fixture) createSchema() string {
	f.t.Helper()
	connection, err := grpc.NewClient(testkit.PubSubHost(f.t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		f.t.Fatal(err)
	}
	defer connection.Close()
	schema, err := pubsubpb.NewSchemaServiceClient(connection).CreateSchema(f.t.Context(), &pubsubpb.CreateSchemaRequest{
		Parent: "projects/" + f.project, SchemaId: "orders",
		Schema: &pubsubpb.Schema{
			Type: pubsubpb.Schema_AVRO, Definition: `{"type":"record","name":"Order","fields":[{"name":"order","type":"string"}]}`,
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return schema.GetName()
}

// proxied puts a proxy before a server, which answers with the date of a clock that is ahead.
func (f *fixture) proxied(target string, ahead time.Duration) string {
	f.t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		f.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(response *http.Response) error {
		response.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		return nil
	}
	server := httptest.NewServer(proxy)
	f.t.Cleanup(server.Close)
	return server.URL
}

// A clock that is off is named: this machine's, the receiver's or Gemini's.
func TestDoctorComparesClocks(t *testing.T) {
	t.Parallel()
	const minutes = 4*time.Minute + 30*time.Second // within the tolerance: nothing is refused yet
	for name, test := range map[string]struct {
		here, receiver, gemini time.Duration
		said                   []string
	}{
		"this machine's":     {minutes, 0, 0, []string{"this machine's clock is 4m", " ahead", "set this machine's clock"}},
		"the receiver's":     {0, -minutes, 0, []string{"the receiver's clock is 4m", " behind", "receiver's machine set by NTP"}},
		"Gemini's and ours":  {0, -minutes, minutes, []string{"Gemini's is 4m", "clocks of this machine and of the receiver's"}},
		"all within seconds": {10 * time.Second, -10 * time.Second, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.env["GEMHOOK_JWKS_URL"] = f.proxied(f.env["GOOGLE_GEMINI_BASE_URL"], test.gemini) + standin.JWKSPath
			f.env["GEMHOOK_URL"] = f.proxied(f.receiver, test.receiver)
			f.receiver = f.env["GEMHOOK_URL"]
			f.register()
			f.now = func() time.Time { return time.Now().Add(test.here) }
			if test.said == nil {
				f.run("doctor").want(0, "✓ clocks")
				return
			}
			f.run("doctor").want(1, append(test.said, "✗ clocks", "1 of 22 checks failed")...)
		})
	}
}

// A dead letter that is on record is enough, and no other is made.
func TestDoctorMakesNoDeadLetterWhereOneIsOnRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.runWith(t.Context(), "no event", "send", "--body", "-").want(0, "dead_lettered")
	f.run("doctor").want(0, "✓ dead letters        the newest, of ")
	if n := len(f.pull(letters)); n != 1 {
		t.Errorf("%d dead letters, want the one that was sent", n)
	}
}

// What is on record of another topic may be from before a change: the receiver is asked.
func TestDoctorAsksWhereDeadLettersGoNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	at := time.Now()
	if _, err := firestoreledger.New(f.documents, "deliveries").Create(t.Context(), ledger.StaticKey("msg_1"), &ledger.Document{
		State: ledger.DeadLettered, WebhookID: "msg_1", Topic: "elsewhere", ReceivedAt: at, SettledAt: &at, ExpiresAt: at.Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.messages.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
		Topic:    "projects/" + f.project + "/topics/" + deadLetters,
		Messages: []*pubsubpb.PubsubMessage{{Data: []byte("of somebody else")}},
	}); err != nil {
		t.Fatal(err)
	}
	f.run("doctor").want(0, "✓ dead letters        a test came to "+deadLetters+", and has been taken out of "+letters+" again")
	if left := f.pull(letters); len(left) != 1 || string(left[0].Data) != "of somebody else" {
		t.Errorf("%d dead letters are left, want the one that was there", len(left))
	}
	// Where the subscription is not known, the test stays in it, and is said to.
	delete(f.env, "GEMHOOK_DEAD_LETTER_SUBSCRIPTION")
	f.env["GEMHOOK_COLLECTION"] = "another"
	f.moveTo(f.webhookID(), f.startReceiver(nil))
	f.run("doctor").want(0, "✓ dead letters        a test came to "+deadLetters+", and stays in its subscriptions as message ")
	if n := len(f.pull(letters)); n != 1 {
		t.Errorf("%d dead letters, want the test", n)
	}
}

// Without dynamic keys here, doctor says whether the receiver has some.
func TestDoctorWithoutDynamicKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.register()
	delete(f.env, "GEMHOOK_DYNAMIC_KEYS")
	f.run("doctor").want(0, "– dynamic URLs", "and no dynamic key is known here", "set GEMHOOK_DYNAMIC_KEYS here", "not all could be made")
	f.moveTo(id, f.startReceiver(nil))
	f.run("doctor").want(0, "– dynamic URLs        the receiver takes no dynamic deliveries", "everything is in order")
}
