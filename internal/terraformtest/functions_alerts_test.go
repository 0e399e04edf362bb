package terraformtest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/googleapis/gax-go/v2"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/bucket"
	"github.com/gemhook/gemhook/shared/app/collect"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/notes"
	"github.com/gemhook/gemhook/shared/reconciler"
)

// wantAlerts checks which alerts the log lines of a function raise, and which alarms on AWS, where
// they have the same names.
func wantAlerts(t *testing.T, function, logged string, want ...string) {
	t.Helper()
	read := readAlerts(t)
	var got []string
	for line := range strings.Lines(logged) {
		got = append(got, read.matching(t, function, line)...)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("alerts %v, want %v, on\n%s", got, want, logged)
	}
	if got := readAlarms(t).matching(t, function, logged); !slices.Equal(got, want) {
		t.Errorf("alarms %v, want %v, on\n%s", got, want, logged)
	}
}

func handler(logged *testkit.Buffer) *slog.Logger {
	return slog.New(cloudlog.NewHandler(logged, &cloudlog.Options{Level: slog.LevelInfo}))
}

// TestAlertsMatchWhatCollectWrites pushes the event of a batch that Gemini does not have.
func TestAlertsMatchWhatCollectWrites(t *testing.T) {
	const audience, account = "https://collect.example.com/", "push@my-project.iam.gserviceaccount.com"
	issuer, err := push.NewIssuer("key-1")
	if err != nil {
		t.Fatal(err)
	}
	certs := httptest.NewServer(issuer)
	t.Cleanup(certs.Close)
	api := httptest.NewServer(standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{APIKeys: []string{"AIza-test-key"}}))
	t.Cleanup(api.Close)
	results, err := bucket.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(results.Close)
	topics := pstest.NewServer()
	t.Cleanup(func() { _ = topics.Close() })
	if _, err := topics.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/my-project/topics/results"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", topics.Addr)
	t.Setenv("STORAGE_EMULATOR_HOST", results.Host())
	configuration, err := config.Load(config.Collect, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT": "my-project", "GEMHOOK_API_KEYS": "AIza-test-key", "GEMHOOK_RESULTS_BUCKET": bucket.Name,
		"GEMHOOK_RESULTS_TOPIC": "results", "GEMHOOK_PUSH_AUDIENCE": audience, "GEMHOOK_PUSH_ACCOUNT": account,
		"GEMHOOK_PUSH_CERTS_URL": certs.URL, "GOOGLE_GEMINI_BASE_URL": api.URL,
	}))
	if err != nil {
		t.Fatal(err)
	}
	var logged testkit.Buffer
	function := collect.New(configuration, handler(&logged), &collect.Options{Options: backend.Options{Store: memoryledger.New()}})
	t.Cleanup(func() { _ = function.Close() })
	token, err := issuer.Token(audience, account, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	body, err := push.Body("1", standin.EventAt("batch.succeeded", "gone", time.Now()), map[string]string{
		"ce-specversion": "1.0", "ce-id": "msg_1", "ce-type": "batch.succeeded", "ce-subject": "gone",
		"ce-source": "//generativelanguage.googleapis.com/webhooks/static", "ce-time": "2026-01-22T12:00:00Z",
	})
	if err != nil {
		t.Fatal(err)
	}
	request, err := push.NewRequest(t.Context(), "/", token, body)
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	function.ServeHTTP(answer, request)
	if answer.Code != http.StatusNoContent {
		t.Fatalf("the push is answered %d: %s", answer.Code, answer.Body)
	}
	wantAlerts(t, "collect", logged.String(), "results-unavailable")
}

// TestAlertsMatchWhatReconcileWrites runs reconcile over nothing, over a delivery that somebody
// left claimed, and without a ledger.
func TestAlertsMatchWhatReconcileWrites(t *testing.T) {
	for name, test := range map[string]struct {
		store *memoryledger.Store
		err   error
		want  []string
	}{
		"nothing to do":        {store: memoryledger.New()},
		"a delivery was left":  {store: abandoned(t, ledger.StaticKey("msg_1")), want: []string{"reconcile-put-right"}},
		"the ledger is absent": {err: context.DeadlineExceeded, want: []string{"reconcile-failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			var logged testkit.Buffer
			run := reconciler.New(reconciler.Deps{
				Books: func(context.Context) (reconciler.Books, error) {
					opened := ledger.New(test.store, ledger.Options{Lease: time.Minute, Retention: 168 * time.Hour})
					return reconciler.Books{Ledger: opened, Documents: test.store, Notes: notes.NewMemory()}, test.err
				},
				Publisher: acceptingTopics{}, Log: handler(&logged),
			}, reconciler.Options{Topic: "events", DeadLetterTopic: "dead-letters", Lease: time.Minute, Retention: 168 * time.Hour, FinishRate: 50})
			_, _ = run.Invoke(t.Context(), nil)
			wantAlerts(t, "reconcile", logged.String(), test.want...)
		})
	}
}

// acceptingTopics are there, and take every message.
type acceptingTopics struct{}

func (acceptingTopics) Publish(context.Context, string, []byte, map[string]string) (string, error) {
	return "1", nil
}

func (acceptingTopics) GetTopic(context.Context, *pubsubpb.GetTopicRequest, ...gax.CallOption) (*pubsubpb.Topic, error) {
	return &pubsubpb.Topic{}, nil
}
