package terraformtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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

// alerts are those of the module.
type alerts struct {
	Logged   map[string]struct{ Title, Filter, Advice string } `json:"logged"`
	Measured map[string]struct{ Title, Query, Advice string }  `json:"measured"`
	Lines    string                                            `json:"delivery_lines"`
}

func readAlerts(t *testing.T) alerts {
	t.Helper()
	var read alerts
	evaluate(t, repository(t), "alerts", map[string]any{
		"project_id": "my-project", "name": "gemhook",
		"receiver": map[string]string{
			"service": "gemhook-receiver", "region": "us-central1", "host": "hooks.example.com", "signing_secrets": "gemhook-signing-secrets",
		},
		"collect":       map[string]string{"service": "gemhook-collect", "region": "us-central1"},
		"reconcile":     map[string]string{"service": "gemhook-reconcile", "region": "us-central1"},
		"subscriptions": map[string]string{"all": "gemhook-all"}, "dead_letter_subscription": "gemhook-dead-letters",
		"thresholds": map[string]float64{
			"signature_failures": 20, "server_errors": 0, "backlog_age_seconds": 900,
			"no_delivery_hours": 6, "availability": 0.99, "latency_ms": 5000,
		},
	}, &read)
	return read
}

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
	read, onAWS := readAlerts(t), readAlarms(t)
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
		"an instance died with a claim": {
			store:  abandoned(t, ledger.StaticKey("msg_1")),
			want:   []string{"backend-unavailable", "redelivered"}, // the topic refuses as well
			counts: []string{"availability"},
			alarms: []string{"backend-unavailable", "redelivered"},
		},
		"a forgery": {
			header: map[string]string{"webhook-signature": "v1,bm90IHRoZSBzaWduYXR1cmUgb2YgdGhpcyBkZWxpdmVyeSE="},
			counts: []string{"signature-failures"},
			alarms: []string{"signature-failures"},
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
			request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(genuine.Body))
			request.Header = genuine.Header.Clone()
			for name, value := range test.header {
				request.Header.Set(name, value)
			}
			receiver.ServeHTTP(httptest.NewRecorder(), request)

			var want, counts []string
			for line := range strings.Lines(logged.String()) {
				want = append(want, read.matching(t, "receiver", line)...)
				counts = append(counts, read.counting(t, line)...)
			}
			slices.Sort(want)
			if want = slices.Compact(want); !slices.Equal(want, test.want) {
				t.Errorf("alerts %v, want %v, on\n%s", want, test.want, logged.String())
			}
			if !slices.Equal(counts, test.counts) {
				t.Errorf("alerts on metrics that count it: %v, want %v", counts, test.counts)
			}
			if got := onAWS.matching(t, "receiver", logged.String()); !slices.Equal(got, test.alarms) {
				t.Errorf("alarms %v, want %v, on\n%s", got, test.alarms, logged.String())
			}
		})
	}
}

// TestStartFails wants the line of a function that does not start to raise the alert on either
// cloud.
func TestStartFails(t *testing.T) {
	read, onAWS := readAlerts(t), readAlarms(t)
	for function, test := range map[string]struct {
		function config.Function
		want     string
	}{
		"receiver":  {config.Receive, "process"},
		"collect":   {config.Collect, "collect-process"},
		"reconcile": {config.Reconcile, "reconcile-failed"},
	} {
		_, err := config.Load(test.function, config.Map(nil))
		var logged bytes.Buffer
		slog.New(cloudlog.NewHandler(&logged, nil)).Error(err.Error()) // as app.Start does
		if got := read.matching(t, function, logged.String()); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s: alerts %v, want %s", function, got, test.want)
		}
		if got := onAWS.matching(t, function, logged.String()); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s: alarms %v, want %s", function, got, test.want)
		}
	}
}

// matching returns the alerts on log lines that a function's line raises.
func (a alerts) matching(t *testing.T, function, line string) []string {
	t.Helper()
	var keys []string
	for key, alert := range a.Logged {
		if entryOf(t, function, line).matches(t, alert.Filter) {
			keys = append(keys, key)
		}
	}
	return keys
}

var selector = regexp.MustCompile(`_deliveries\{[^}]*outcome=~"([^"]*)"`)

// counting returns the alerts on metrics of deliveries whose query selects a line.
func (a alerts) counting(t *testing.T, line string) []string {
	t.Helper()
	entry := entryOf(t, "receiver", line)
	if !entry.matches(t, a.Lines) {
		return nil
	}
	outcome, _ := entry["jsonPayload.outcome"].(string)
	var keys []string
	for key, alert := range a.Measured {
		selectors := selector.FindAllStringSubmatch(alert.Query, -1)
		if slices.ContainsFunc(selectors, func(s []string) bool { return regexp.MustCompile("^(" + s[1] + ")$").MatchString(outcome) }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// An entry is a log entry: the path of a field to its value.
type entry map[string]any

// entryOf returns the entry that Cloud Logging makes of a line of a function's.
func entryOf(t *testing.T, function, line string) entry {
	t.Helper()
	var payload map[string]any
	if err := json.Unmarshal([]byte(line), &payload); err != nil {
		t.Fatalf("the log has a line that is no JSON: %s", line)
	}
	e := entry{
		"resource.type": "cloud_run_revision", "resource.labels.service_name": "gemhook-" + function,
		"resource.labels.location": "us-central1", "severity": payload["severity"],
	}
	for name, value := range payload {
		e["jsonPayload."+name] = value
	}
	return e
}

var severities = []string{"DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"}

var comparison = regexp.MustCompile(`^(NOT )?([\w.]+) (=|>=) (.+)$`)

// matches reports whether an entry matches a filter of Cloud Logging's, of which it knows
// comparisons joined by AND, NOT, severities, and alternatives of one field.
func (e entry) matches(t *testing.T, filter string) bool {
	t.Helper()
	for _, term := range strings.Split(filter, " AND ") {
		parts := comparison.FindStringSubmatch(term)
		if parts == nil {
			t.Fatalf("the filter has a term that this test does not know: %s", term)
		}
		value := fmt.Sprint(e[parts[2]])
		matched := false
		for _, want := range strings.Split(strings.Trim(parts[4], "()"), " OR ") {
			want = strings.Trim(want, `"`)
			if parts[3] == "=" {
				matched = matched || value == want
			} else {
				matched = matched || slices.Index(severities, value) >= slices.Index(severities, want)
			}
		}
		if matched == (parts[1] != "") {
			return false
		}
	}
	return true
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
