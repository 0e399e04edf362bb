package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

const reconcileURL = "https://reconcile.example.com/"

// reconcilers start a reconciler on each platform. Each returns how to have it do a run.
var reconcilers = map[string]func(t *testing.T, env map[string]string, token string) func(t *testing.T) (report []byte){
	"cloud function": func(t *testing.T, env map[string]string, token string) func(*testing.T) []byte {
		p := startLogging(t, "reconcile", env, &logBuffer{})
		return func(t *testing.T) []byte {
			t.Helper()
			if status, _ := call(t, p.url, ""); status != http.StatusUnauthorized {
				t.Errorf("a call without a token is answered %d, want 401", status)
			}
			status, report := call(t, p.url, token)
			if status != http.StatusOK {
				t.Errorf("the run is answered %d, want 200: %s", status, report)
			}
			return report
		}
	},
	"lambda": func(t *testing.T, env map[string]string, _ string) func(*testing.T) []byte {
		runtime := startBootstrapProcess(t, "reconcile", env)
		return func(t *testing.T) []byte {
			t.Helper()
			report, err := runtime.Invoke(t.Context(), []byte(`{"source":"aws.scheduler"}`))
			if err != nil {
				t.Fatal(err)
			}
			return report
		}
	},
}

func call(t *testing.T, url, token string) (status int, body []byte) {
	t.Helper()
	request, err := push.NewRequest(t.Context(), url, token, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// TestReconcileFinishes leaves a delivery between claim and publish, and one that was released, and
// has each platform's reconciler do a run: both are on the topic and settled, and the copy is
// marked.
func TestReconcileFinishes(t *testing.T) {
	t.Parallel()
	for platform, start := range reconcilers {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			token, certs := newCaller(t, reconcileURL)
			leave(t, p.Documents, "msg_claimed", ledger.Claimed)
			leave(t, p.Documents, "msg_released", ledger.Released)
			run := start(t, map[string]string{
				"GOOGLE_CLOUD_PROJECT": p.ID, "GEMHOOK_TOPIC": topicID, "GEMHOOK_DEAD_LETTER_TOPIC": deadLetterTopicID,
				"FIRESTORE_EMULATOR_HOST": p.FirestoreHost, "PUBSUB_EMULATOR_HOST": p.PubSubHost,
				"GEMHOOK_PUSH_AUDIENCE": reconcileURL, "GEMHOOK_PUSH_ACCOUNT": pushAccount, "GEMHOOK_PUSH_CERTS_URL": certs,
			}, token)

			var report struct {
				Jobs []struct {
					Job  string
					Done int
				}
			}
			if err := json.Unmarshal(run(t), &report); err != nil || len(report.Jobs) == 0 || report.Jobs[0].Done != 2 {
				t.Errorf("the report is %+v, %v; want that finish did two", report, err)
			}
			marks := map[string]string{}
			for _, message := range p.received(topicID, 2) {
				marks[message.GetAttributes()["ce-id"]] = message.GetAttributes()[ledger.RedeliveredAttribute]
			}
			want := map[string]string{"msg_claimed": "true", "msg_released": ""}
			if diff := cmp.Diff(want, marks); diff != "" {
				t.Errorf("marks of the messages (-want +got):\n%s", diff)
			}
			for id := range want {
				if state := p.document(string(ledger.StaticKey(id)))["state"]; state != string(ledger.Published) {
					t.Errorf("%s is %v in the ledger, want published", id, state)
				}
			}
		})
	}
}

// leave writes a delivery that nobody is at work on any more.
func leave(t *testing.T, documents *firestore.Client, id string, state ledger.State) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	_, err := firestoreledger.New(documents, "deliveries").Create(t.Context(), ledger.StaticKey(id), &ledger.Document{
		State: state, Attempt: 1, LeaseExpiresAt: long, ReceivedAt: long, ExpiresAt: time.Now().Add(time.Hour),
		WebhookID: id, Topic: topicID, Payload: []byte("{}"), Attributes: map[string]string{"ce-id": id},
	})
	if err != nil {
		t.Fatal(err)
	}
}
