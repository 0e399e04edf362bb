package standin_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// An event goes to each enabled webhook that is subscribed to it, signed with its secrets.
func TestEmit(t *testing.T) {
	var mu sync.Mutex
	var attempts []standin.Attempt
	f := newFixture(t, standin.ServerOptions{Observe: func(attempt standin.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		attempts = append(attempts, attempt)
	}})
	one, two := newHook(t, reply(200, "")), newHook(t, reply(204, ""))
	first := f.register(one.url)
	f.must("PATCH", f.register(one.url), `{"state":"disabled"}`)
	f.must("PATCH", f.register(one.url), `{"subscribed_events":["batch.failed"]}`)
	second := f.register(two.url)

	body := standin.Event("batch.succeeded")
	results, err := f.Emit(t.Context(), body)
	if err != nil || len(results) != 2 || len(one.got) != 1 || len(two.got) != 1 || len(attempts) != 2 {
		t.Fatalf("%d results, error %v, %d and %d deliveries, %d attempts; want one to each of two",
			len(results), err, len(one.got), len(two.got), len(attempts))
	}
	for i, want := range []struct {
		path string
		hook *hook
	}{{first, one}, {second, two}} {
		r, got := results[i], want.hook.got[0]
		if r.WebhookID != id(want.path) || r.Attempts != 1 || r.Err != nil || !r.Answer.Acknowledged() || r.ID != got.Header.Get("webhook-id") {
			t.Errorf("result %d = %+v", i, r)
		}
		if string(got.Body) != string(body) || !signedWith(t, got, f.clock.now, f.Secrets(id(want.path))...) {
			t.Errorf("delivery %d is not the event signed with its webhook's secret", i)
		}
		if !slices.ContainsFunc(attempts, func(a standin.Attempt) bool {
			return a.ID == r.ID && a.WebhookID == r.WebhookID && a.Number == 1 && a.Answer != nil && a.Err == nil
		}) {
			t.Errorf("attempt of delivery %d was not observed: %+v", i, attempts)
		}
	}
	if results[0].ID == results[1].ID {
		t.Error("both deliveries have the same webhook-id")
	}

	if results, err := f.Emit(t.Context(), standin.Event("video.generated")); err != nil || len(results) != 0 {
		t.Errorf("event without subscribers: %v, %v", results, err)
	}
	for _, body := range []string{"", "[]", "{}", `{"type":3}`} {
		t.Run(body, func(t *testing.T) {
			if _, err := f.Emit(t.Context(), []byte(body)); err == nil {
				t.Errorf("event %q was emitted", body)
			}
		})
	}
}

// A delivery that is never acknowledged is sent for 24 hours, with exponential backoff. Then its
// webhook is disabled.
func TestEmitGivesUpAfter24Hours(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{MaxBackoff: 4 * time.Hour})
	bad := newHook(t, reply(500, ""))
	path := f.register(bad.url)
	start := f.clock.now
	results, err := f.Emit(t.Context(), standin.Event("batch.succeeded"))
	if err != nil || len(results) != 1 || !errors.Is(results[0].Err, standin.ErrNotAcknowledged) {
		t.Fatalf("results = %v, %v, want one not acknowledged", results, err)
	}
	// 1 s, 2 s, … 8192 s come to 16383 s, and then 4 h four times to 73983 s; a fifth would end
	// after 86400 s.
	if len(bad.got) != 19 || results[0].Attempts != 19 || f.clock.now.Sub(start) != 73983*time.Second {
		t.Errorf("%d attempts in %v, want 19 in 20h33m3s", len(bad.got), f.clock.now.Sub(start))
	}
	for _, d := range bad.got {
		if d.Header.Get("webhook-id") != results[0].ID {
			t.Error("the webhook-id changed")
		}
	}
	if state := f.must("GET", path, "")["state"]; state != standin.StateDisabledDueToFailedDeliveries {
		t.Errorf("state = %v", state)
	}
	if results, err := f.Emit(t.Context(), standin.Event("batch.succeeded")); err != nil || len(results) != 0 {
		t.Errorf("disabled webhook: %v, %v", results, err)
	}
	f.must("PATCH", path, `{"state":"enabled"}`)
	bad.reply = reply(200, "")
	if results, err := f.Emit(t.Context(), standin.Event("batch.succeeded")); err != nil || len(results) != 1 || results[0].Err != nil {
		t.Errorf("enabled again: %v, %v", results, err)
	}
}

// Each attempt is signed with the secrets that are valid then, also if the secret is rotated
// between two attempts.
func TestEmitSignsWithEverySecretThatIsValid(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{Backoff: 16 * time.Hour, MaxBackoff: 16 * time.Hour})
	h := newHook(t, nil)
	path := f.register(h.url)
	original := f.Secrets(id(path))[0]
	var at []time.Time
	h.reply = func(w http.ResponseWriter, _ *http.Request) {
		at = append(at, f.clock.Now())
		if len(at) == 1 {
			f.must("POST", path+":rotateSigningSecret", "")
		}
		w.WriteHeader(503)
	}
	_, err := f.Emit(t.Context(), standin.Event("batch.succeeded"))
	if err != nil || len(h.got) != 2 {
		t.Fatalf("%d attempts, %v, want 2", len(h.got), err)
	}
	rotated := f.Secrets(id(path))[0]
	if !signedWith(t, h.got[0], at[0], original) || !signedWith(t, h.got[1], at[1], rotated, original) {
		t.Error("an attempt is not signed with the secrets of its time")
	}
	// 24 hours after the rotation the original is no longer valid.
	f.must("PATCH", path, `{"state":"enabled"}`)
	f.clock.Wait(t.Context(), 8*time.Hour)
	h.reply = reply(200, "")
	if _, err := f.Emit(t.Context(), standin.Event("batch.succeeded")); err != nil || !signedWith(t, h.got[2], f.clock.now, rotated) {
		t.Errorf("the grace has ended, and the delivery is not signed with the new secret alone (%v)", err)
	}
}

// A webhook that is deleted, disabled or unsubscribed gets no further attempt.
func TestEmitStopsForAWithdrawnWebhook(t *testing.T) {
	for name, withdraw := range map[string]func(f *fixture, path string){
		"deleted":  func(f *fixture, path string) { f.must("DELETE", path, "") },
		"disabled": func(f *fixture, path string) { f.must("PATCH", path, `{"state":"disabled"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, standin.ServerOptions{})
			h := newHook(t, nil)
			path := f.register(h.url)
			h.reply = func(w http.ResponseWriter, _ *http.Request) {
				withdraw(f, path)
				w.WriteHeader(500)
			}
			results, err := f.Emit(t.Context(), standin.Event("batch.succeeded"))
			if err != nil || len(results) != 1 || !errors.Is(results[0].Err, standin.ErrWithdrawn) || len(h.got) != 1 {
				t.Errorf("results = %+v, %v after %d attempts, want it withdrawn after one", results, err, len(h.got))
			}
			if _, got := f.call("GET", path, ""); got["state"] == standin.StateDisabledDueToFailedDeliveries {
				t.Error("a webhook that its owner disabled is marked as failed")
			}
		})
	}
}

// A webhook that its owner disables during the last attempt stays "disabled", and does not become
// "disabled due to failed deliveries".
func TestEmitLeavesTheOwnersStateAlone(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{Backoff: 25 * time.Hour, MaxBackoff: 25 * time.Hour})
	h := newHook(t, nil)
	path := f.register(h.url)
	h.reply = func(w http.ResponseWriter, _ *http.Request) {
		f.must("PATCH", path, `{"state":"disabled"}`)
		w.WriteHeader(500)
	}
	results, err := f.Emit(t.Context(), standin.Event("batch.succeeded"))
	if err != nil || len(results) != 1 || !errors.Is(results[0].Err, standin.ErrNotAcknowledged) {
		t.Errorf("results = %+v, %v, want one not acknowledged", results, err)
	}
	if state := f.must("GET", path, "")["state"]; state != standin.StateDisabled {
		t.Errorf("state = %v, want disabled", state)
	}
}

// The end of the context ends the deliveries, and disables no webhook.
func TestEmitEndsWithItsContext(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	path := f.register(newHook(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hangUp(w, r)
	}).url)
	results, err := f.Emit(ctx, standin.Event("batch.succeeded"))
	if err != nil || len(results) != 1 || !errors.Is(results[0].Err, context.Canceled) {
		t.Errorf("results = %+v, %v, want the context's error", results, err)
	}
	if state := f.must("GET", path, "")["state"]; state != "enabled" {
		t.Errorf("state = %v: a test that ends is not a failed delivery", state)
	}
}

// A ping sends a signed test delivery, once.
func TestPing(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{})
	h := newHook(t, reply(500, ""))
	path := f.register(h.url)
	f.must("POST", path+":rotateSigningSecret", "")
	for i, body := range []string{"", "{}"} {
		t.Run(body, func(t *testing.T) {
			got := f.must("POST", path+":ping", body)
			if f.WaitForPings(); len(got) != 0 || len(h.got) != i+1 {
				t.Fatalf("answer %v after %d deliveries, want {} after %d", got, len(h.got), i+1)
			}
		})
	}
	want := `{"type":"webhook.ping","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"` + id(path) + `"}}`
	if got := h.got[0]; string(got.Body) != want || !signedWith(t, got, f.clock.now, f.Secrets(id(path))...) {
		t.Errorf("ping = %s, want %s signed with both secrets", got.Body, want)
	}
	// A ping is sent also to a webhook that is disabled, so that its owner can try it first.
	f.must("PATCH", path, `{"state":"disabled"}`)
	f.must("POST", path+":ping", "")
	if f.WaitForPings(); len(h.got) != 3 {
		t.Errorf("%d deliveries, want 3", len(h.got))
	}
	gone := f.register("http://127.0.0.1:1/")
	if got := f.must("POST", gone+":ping", ""); len(got) != 0 {
		t.Errorf("unreachable endpoint: %v, want {}", got)
	}
	if state := f.must("GET", gone, "")["state"]; state != "enabled" {
		t.Errorf("state after a failed ping = %v", state)
	}
}

// A ping is delivered after it is answered, by the delay of the options.
func TestPingIsDeliveredAfterItsAnswer(t *testing.T) {
	f := newFixture(t, standin.ServerOptions{PingDelay: 500 * time.Millisecond})
	answered := make(chan struct{})
	h := newHook(t, func(http.ResponseWriter, *http.Request) {
		select {
		case <-answered:
		case <-time.After(10 * time.Second):
			t.Error("the delivery comes before the answer")
		}
	})
	path := f.register(h.url)
	before := f.clock.Now()
	f.must("POST", path+":ping", "")
	close(answered)
	f.WaitForPings()
	if after := f.clock.Now().Sub(before); after != 500*time.Millisecond || len(h.got) != 1 {
		t.Errorf("%d deliveries %s after the ping, want one after 500ms", len(h.got), after)
	}
}

// A dynamic delivery is signed with each Ed25519 key in turn or, where an audience is given, by a
// token.
func TestEmitDynamic(t *testing.T) {
	keys := vectorKeys(t)
	f := newFixture(t, standin.ServerOptions{})
	failures := 0
	h := newHook(t, func(w http.ResponseWriter, _ *http.Request) {
		if failures++; failures == 1 {
			w.WriteHeader(503)
		}
	})
	body := standin.Event("video.generated")
	result, err := f.EmitDynamic(t.Context(), standin.DynamicWebhook{URI: h.url}, body)
	if err != nil || result.Err != nil || result.Attempts != 2 || len(h.got) != 2 {
		t.Fatalf("result %+v, %v, %d deliveries, want the second acknowledged", result, err, len(h.got))
	}
	for i, d := range h.got {
		sig, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature(d), "v1a,"))
		content := d.Header.Get("webhook-id") + "." + d.Header.Get("webhook-timestamp") + "." + string(body)
		if err != nil || !ed25519.Verify(keys.Ed25519[i].Private.Public().(ed25519.PublicKey), []byte(content), sig) {
			t.Errorf("attempt %d is not signed with key %d", i+1, i)
		}
	}

	if _, err := f.EmitDynamic(t.Context(), standin.DynamicWebhook{URI: h.url, Audience: "me"}, body); err != nil {
		t.Fatal(err)
	}
	claims := decodeObject(t, strings.Split(signature(h.got[2]), ".")[1])
	got := object{"aud": claims["aud"], "iat": claims["iat"], "exp": claims["exp"]}
	wantEqual(t, "claims", got, object{"aud": "me", "iat": float64(f.clock.now.Unix()), "exp": float64(f.clock.now.Unix() + 300)})

	f.SetKeys(&standin.Keys{})
	if result, err := f.EmitDynamic(t.Context(), standin.DynamicWebhook{URI: h.url}, body); err != nil || result.Err == nil || len(h.got) != 3 {
		t.Errorf("without a key: %+v, %v", result, err)
	}
}
