package standin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

func get(t *testing.T, url string) (int, string, []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}

// The key set is served, changes with SetKeys, and fails after FailJWKS.
func TestServer(t *testing.T) {
	old, next := vectorKeys(t), &standin.Keys{}
	next.Ed25519 = old.Ed25519[:1]
	gemini := standin.NewServer(old)
	ts := httptest.NewServer(gemini)
	defer ts.Close()

	steps := []struct {
		name   string
		do     func()
		status int
		keys   int
	}{
		{"at first", func() {}, 200, 5},
		{"rotated", func() { gemini.SetKeys(next) }, 200, 1},
		{"failing", func() { gemini.FailJWKS(503) }, 503, 0},
		{"still failing", func() { gemini.SetKeys(old) }, 503, 0},
		{"healed", func() { gemini.FailJWKS(0) }, 200, 5},
	}
	for i, step := range steps {
		step.do()
		status, contentType, body := get(t, ts.URL+standin.JWKSPath)
		var got struct {
			Keys  []any
			Error struct {
				Code            int
				Message, Status string
			}
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if status != step.status || len(got.Keys) != step.keys || contentType != "application/json; charset=UTF-8" {
			t.Errorf("%s: %d %s with %d keys, want %d with %d", step.name, status, contentType, len(got.Keys), step.status, step.keys)
		}
		if status != 200 && (got.Error.Code != 503 || got.Error.Status != "UNAVAILABLE" || got.Error.Message == "") {
			t.Errorf("%s: error = %+v", step.name, got.Error)
		}
		if n := gemini.JWKSFetches(); n != i+1 {
			t.Errorf("%s: %d fetches, want %d", step.name, n, i+1)
		}
	}
	if gemini.Keys() != old {
		t.Error("Keys does not return what SetKeys was given")
	}

	if status, _, _ := get(t, ts.URL+"/other"); status != 404 {
		t.Errorf("another path: %d, want 404", status)
	}
	resp, err := http.Post(ts.URL+standin.JWKSPath, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("POST of the key set: %d, want 404", resp.StatusCode)
	}
	if n := gemini.JWKSFetches(); n != len(steps) {
		t.Errorf("%d fetches after other requests, want %d", n, len(steps))
	}
}

// A server can be used by many goroutines.
func TestServerConcurrentUse(t *testing.T) {
	gemini := standin.NewServer(vectorKeys(t))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			gemini.SetKeys(gemini.Keys())
			gemini.FailJWKS(0)
			gemini.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", standin.JWKSPath, nil))
		})
	}
	wg.Wait()
	if n := gemini.JWKSFetches(); n != 8 {
		t.Errorf("%d fetches, want 8", n)
	}
}

// An event of each type has the members that Gemini documents.
func TestEvents(t *testing.T) {
	members := map[string][]string{
		"batch.succeeded":             {"id", "output_file_uri"},
		"batch.cancelled":             {"id"},
		"batch.expired":               {"id"},
		"batch.failed":                {"error_code", "error_message", "id"},
		"interaction.requires_action": {"id"},
		"interaction.completed":       {"id"},
		"interaction.failed":          {"error_code", "error_message", "id"},
		"interaction.cancelled":       {"id"},
		"video.generated":             {"file_name", "id", "output_file_uri"},
	}
	types := standin.EventTypes()
	if len(types) != len(members) {
		t.Errorf("%d types, want %d", len(types), len(members))
	}
	members["later.invented"] = []string{"id"}
	for _, eventType := range append(types, "later.invented") {
		t.Run(eventType, func(t *testing.T) {
			var got object
			if err := json.Unmarshal(standin.Event(eventType), &got); err != nil {
				t.Fatal(err)
			}
			data := got["data"].(object)
			var names []string
			for name, value := range data {
				names = append(names, name)
				if value == "" {
					t.Errorf("data.%s is empty", name)
				}
			}
			slices.Sort(names)
			wantEqual(t, "members of data", names, members[eventType])
			delete(got, "data")
			wantEqual(t, "event", got, object{"type": eventType, "version": "v1", "timestamp": "2026-01-22T12:00:00Z"})
		})
	}
	at := time.Date(2026, 3, 1, 1, 0, 0, 5e6, time.FixedZone("", 3600))
	want := `{"type":"batch.expired","version":"v1","timestamp":"2026-03-01T00:00:00.005Z","data":{"id":"batches/7"}}`
	if got := standin.EventAt("batch.expired", "batches/7", at); string(got) != want {
		t.Errorf("EventAt = %s, want %s", got, want)
	}
}
