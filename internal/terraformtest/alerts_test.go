package terraformtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/cloudlog"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/ledger"
)

// TestRunbook wants each alert to have a page that says what it means, what to type, and when it is
// over, and no page without an alert.
func TestRunbook(t *testing.T) {
	read := readAlerts(t)
	titles := map[string]string{}
	for key, alert := range read.Logged {
		titles[key] = alert.Title
	}
	for key, alert := range read.Measured {
		titles[key] = alert.Title
	}
	folder := filepath.Join(repository(t), "docs", "runbook")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, entry := range entries {
		if key, _ := strings.CutSuffix(entry.Name(), ".md"); key != "README" {
			pages = append(pages, key)
		}
	}
	sameSet(t, "the alerts", slices.Collect(maps.Keys(titles)), "docs/runbook", pages)
	for key, title := range titles {
		page, err := os.ReadFile(filepath.Join(folder, key+".md"))
		if err != nil {
			continue // reported above
		}
		for _, want := range []string{"# Alert: " + title + "\n", "\n## What it means\n", "\n## What to do\n", "\n```sh\n", "\n## When it is over\n"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("docs/runbook/%s.md lacks %q", key, want)
			}
		}
	}
}

// TestAlertsMatchWhatTheReceiverWrites breaks a receiver in one way after another, and wants the
// log lines that it writes to match the alerts that are named for that, and no other.
func TestAlertsMatchWhatTheReceiverWrites(t *testing.T) {
	read := readWatch(t)
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	topics := pstest.NewServer()
	t.Cleanup(func() { _ = topics.Close() })
	if _, err := topics.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/dead-letters"}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		set    map[string]string
		store  ledger.Store
		topics string            // where they are; else they refuse
		body   []byte            // signed, in place of an event
		header map[string]string // of the delivery, set otherwise
		times  int               // how often it comes; else once
		want   []string          // alerts on log lines
		counts []string          // alerts on metrics whose query selects the line
		alarms []string          // CloudWatch's alarms
	}{
		"no secret is stored": {
			set:    map[string]string{"GEMHOOK_SIGNING_SECRETS": "file:missing"},
			want:   []string{"keys-unavailable"},
			counts: []string{"availability"},
			alarms: []string{"keys-unavailable"},
		},
		"a stored secret is malformed": {
			set:    map[string]string{"GEMHOOK_SIGNING_SECRETS": "file:" + fileWith(t, keys.Secrets[0]+" whsec_x")},
			want:   []string{"backend-unavailable", "process"}, // the topic refuses as well
			counts: []string{"availability"},
			alarms: []string{"backend-unavailable", "process"},
		},
		"the topic refuses": {
			want:   []string{"backend-unavailable"},
			counts: []string{"availability"},
			alarms: []string{"backend-unavailable"},
		},
		"the ledger refuses": {
			store:  brokenStore{},
			want:   []string{"backend-unavailable"},
			counts: []string{"availability"},
			alarms: []string{"backend-unavailable"},
		},
		"gemhook fails": {
			store:  panickingStore{},
			want:   []string{"internal"},
			counts: []string{"availability"},
			alarms: []string{"internal"},
		},
		"an instance crashed with a claim": {
			store:  abandoned(t, ledger.StaticKey("msg_1")),
			want:   []string{"backend-unavailable", "redelivered"}, // the topic refuses as well
			counts: []string{"availability"},
			alarms: []string{"backend-unavailable", "redelivered"},
		},
		"forgeries": {
			header: map[string]string{"webhook-signature": "v1,bm90IHRoZSBzaWduYXR1cmUgb2YgdGhpcyBkZWxpdmVyeSE="},
			times:  21,
			counts: []string{"signature-failures"},
			alarms: []string{"signature-failures"},
		},
		"a few forgeries": {
			header: map[string]string{"webhook-signature": "v1,bm90IHRoZSBzaWduYXR1cmUgb2YgdGhpcyBkZWxpdmVyeSE="},
			times:  20,
			counts: []string{"signature-failures"}, // which TestMeasuredAlerts gives a number
		},
		"genuine, but no event": {
			topics: topics.Addr,
			body:   []byte("{}"),
			counts: []string{"availability", "no-delivery"}, // as acknowledged
			alarms: []string{"dead-lettered"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PUBSUB_EMULATOR_HOST", test.topics)
			body := test.body
			if body == nil {
				body = standin.Event("batch.succeeded")
			}
			genuine, err := keys.SignV1(standin.Delivery{ID: "msg_1", Time: time.Now(), Body: body})
			if err != nil {
				t.Fatal(err)
			}
			environment := map[string]string{
				"GOOGLE_CLOUD_PROJECT": "p", "GEMHOOK_TOPIC": "events", "GEMHOOK_DEAD_LETTER_TOPIC": "dead-letters",
				"GEMHOOK_SIGNING_SECRETS": keys.Secrets[0], "GEMHOOK_GOOGLE_CREDENTIALS": `{"type":"external_account"}`,
			}
			maps.Copy(environment, test.set)
			configuration, err := config.Load(config.Receive, config.Map(environment))
			if err != nil {
				t.Fatal(err)
			}
			store := test.store
			if store == nil {
				store = memoryledger.New()
			}
			var logged testkit.Buffer
			log := slog.New(cloudlog.NewHandler(&logged, &cloudlog.Options{Level: slog.LevelInfo}))
			receiver := receive.New(configuration, log, &backend.Options{Store: store})
			defer receiver.Close()
			for range max(test.times, 1) {
				request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(genuine.Body))
				request.Header = genuine.Header.Clone()
				for name, value := range test.header {
					request.Header.Set(name, value)
				}
				receiver.ServeHTTP(httptest.NewRecorder(), request)
			}

			read.wantRaised(t, "receiver", logged.String(), test.want, test.alarms)
			if counts := read.alerts.counting(t, logged.String()); !slices.Equal(counts, test.counts) {
				t.Errorf("alerts on metrics that count it: %v, want %v", counts, test.counts)
			}
		})
	}
	read.wantEachRaised(t, "receiver")
}

// aboutProcess are the alerts on a function that does not start or was killed.
var aboutProcess = map[string]string{"receiver": "process", "collect": "collect-process", "reconcile": "reconcile-failed"}

// TestStartFails wants the line of a function that does not start to raise the alert on either
// cloud.
func TestStartFails(t *testing.T) {
	read := readWatch(t)
	for name, function := range map[string]config.Function{"receiver": config.Receive, "collect": config.Collect, "reconcile": config.Reconcile} {
		_, err := config.Load(function, config.Map(nil))
		var logged bytes.Buffer
		slog.New(cloudlog.NewHandler(&logged, nil)).Error(err.Error()) // as app.Start does
		want := []string{aboutProcess[name]}
		read.wantRaised(t, name, logged.String(), want, want)
	}
}

// TestKilled wants a function that the platform kills for its memory to raise the alert on either
// cloud. The function itself writes nothing then.
func TestKilled(t *testing.T) {
	read := readWatch(t)
	for function, want := range aboutProcess {
		onGoogleCloud := entryFor(function)
		onGoogleCloud["severity"] = "ERROR"
		onGoogleCloud["textPayload"] = "Memory limit of 512 MiB exceeded with 520 MiB used. Consider increasing the memory limit."
		if got := read.alerts.matching(t, onGoogleCloud); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: alerts %v, want %s", function, got, want)
		}
		// On AWS it is not the log that raises the alarm, but Lambda's count of errors.
		onAWS := `{"type":"platform.report","record":{"status":"error","errorType":"Runtime.OutOfMemory"}}` + "\n"
		if got := read.alarms.raised(t, function, onAWS); len(got) > 0 {
			t.Errorf("%s: alarms %v on Lambda's own line, want none", function, got)
		}
		if page := runbookLink.FindStringSubmatch(read.alarms.Errors[function]); page == nil || page[1] != want {
			t.Errorf("%s: the alarm on Lambda's errors leads to %v, want the page %s", function, page, want)
		}
	}
}

func fileWith(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A brokenStore is a ledger's store that cannot be reached.
type brokenStore struct{ ledger.Store }

func (brokenStore) Create(context.Context, ledger.Key, *ledger.Document) (ledger.Version, error) {
	return ledger.Version{}, io.ErrUnexpectedEOF
}

// A panickingStore has no method that works.
type panickingStore struct{ ledger.Store }

// abandoned returns a store in which an instance that is gone has claimed a delivery.
func abandoned(t *testing.T, key ledger.Key) *memoryledger.Store {
	t.Helper()
	store := memoryledger.New()
	long := time.Now().Add(-time.Hour)
	_, err := store.Create(t.Context(), key, &ledger.Document{
		State: ledger.Claimed, Attempt: 1, LeaseExpiresAt: long, ReceivedAt: long, ExpiresAt: time.Now().Add(time.Hour), Topic: "events",
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
