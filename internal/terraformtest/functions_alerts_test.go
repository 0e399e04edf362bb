package terraformtest

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
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

// TestAlertsMatchWhatCollectWrites pushes an event to a collect that is broken in one way after
// another.
func TestAlertsMatchWhatCollectWrites(t *testing.T) {
	read := readWatch(t)
	const audience, account = "https://collect.example.com/", "push@my-project.iam.gserviceaccount.com"
	issuer, err := push.NewIssuer("key-1")
	if err != nil {
		t.Fatal(err)
	}
	certs := httptest.NewServer(issuer)
	t.Cleanup(certs.Close)
	gemini := standin.NewServerWithOptions(&standin.Keys{}, &standin.ServerOptions{APIKeys: []string{"AIza-test-key"}})
	gemini.AddBatch(standin.Batch{ID: "running", State: "BATCH_STATE_RUNNING"})
	api := httptest.NewServer(gemini)
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
	token, err := issuer.Token(audience, account, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		set    map[string]string
		store  ledger.Store
		batch  string // of the event; else one that Gemini does not have
		pushes int    // else one
		answer int    // 5xx is what the alert collect-failing counts on Google Cloud
		want   []string
		alarms []string
	}{
		"the result is gone": {
			answer: http.StatusNoContent, want: []string{"results-unavailable"}, alarms: []string{"results-unavailable"},
		},
		"a stored API key is malformed": {
			set:    map[string]string{"GEMHOOK_API_KEYS": "file:" + fileWith(t, "AIza-test-key a:b:c")},
			answer: http.StatusNoContent,
			want:   []string{"collect-process", "results-unavailable"}, // the result is gone as well
			alarms: []string{"collect-process", "results-unavailable"},
		},
		"no API key is stored": {
			set:    map[string]string{"GEMHOOK_API_KEYS": "file:missing"},
			pushes: 6, answer: http.StatusServiceUnavailable, alarms: []string{"collect-failing"},
		},
		"Gemini refuses the API key": {
			set:    map[string]string{"GEMHOOK_API_KEYS": "AIza-of-somebody-else"},
			pushes: 6, answer: http.StatusServiceUnavailable, alarms: []string{"collect-failing"},
		},
		"the ledger refuses": {
			store: brokenStore{}, pushes: 6, answer: http.StatusServiceUnavailable, alarms: []string{"collect-failing"},
		},
		"a job is not at its end yet": {batch: "running", pushes: 5, answer: http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			environment := map[string]string{
				"GOOGLE_CLOUD_PROJECT": "my-project", "GEMHOOK_API_KEYS": "AIza-test-key", "GEMHOOK_RESULTS_BUCKET": bucket.Name,
				"GEMHOOK_RESULTS_TOPIC": "results", "GEMHOOK_PUSH_AUDIENCE": audience, "GEMHOOK_PUSH_ACCOUNT": account,
				"GEMHOOK_PUSH_CERTS_URL": certs.URL, "GOOGLE_GEMINI_BASE_URL": api.URL,
			}
			maps.Copy(environment, test.set)
			configuration, err := config.Load(config.Collect, config.Map(environment))
			if err != nil {
				t.Fatal(err)
			}
			store := test.store
			if store == nil {
				store = memoryledger.New()
			}
			var logged testkit.Buffer
			function := collect.New(configuration, handler(&logged), &collect.Options{Options: backend.Options{Store: store}})
			defer function.Close()
			batch := cmp.Or(test.batch, "gone")
			body, err := push.Body("1", standin.EventAt("batch.succeeded", batch, time.Now()), map[string]string{
				"ce-specversion": "1.0", "ce-id": "msg_1", "ce-type": "batch.succeeded", "ce-subject": batch,
				"ce-source": "//generativelanguage.googleapis.com/webhooks/static", "ce-time": "2026-01-22T12:00:00Z",
			})
			if err != nil {
				t.Fatal(err)
			}
			for range max(test.pushes, 1) {
				request, err := push.NewRequest(t.Context(), "/", token, body)
				if err != nil {
					t.Fatal(err)
				}
				answer := httptest.NewRecorder()
				function.ServeHTTP(answer, request)
				if answer.Code != test.answer {
					t.Errorf("the push is answered %d: %s", answer.Code, answer.Body)
				}
			}
			read.wantRaised(t, "collect", logged.String(), test.want, test.alarms)
		})
	}
	read.wantEachRaised(t, "collect")
}

// TestAlertsMatchWhatReconcileWrites runs reconcile over nothing, over a delivery that somebody
// left claimed, and without a ledger.
func TestAlertsMatchWhatReconcileWrites(t *testing.T) {
	read := readWatch(t)
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
			read.wantRaised(t, "reconcile", logged.String(), test.want, test.want)
		})
	}
	read.wantEachRaised(t, "reconcile")
}

func handler(logged *testkit.Buffer) *slog.Logger {
	return slog.New(cloudlog.NewHandler(logged, &cloudlog.Options{Level: slog.LevelInfo}))
}

// acceptingTopics are there, and take every message.
type acceptingTopics struct{}

func (acceptingTopics) Publish(context.Context, string, []byte, map[string]string) (string, error) {
	return "1", nil
}

func (acceptingTopics) GetTopic(context.Context, *pubsubpb.GetTopicRequest, ...gax.CallOption) (*pubsubpb.Topic, error) {
	return &pubsubpb.Topic{}, nil
}
