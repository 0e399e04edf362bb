package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// now is the time on the verifiers' clocks, and when the fixture's deliveries are signed.
var now = time.Unix(1769083200, 0)

const audience = "481516234200-gemini-hooks.apps.example.com"

var options = &webhook.Options{Audience: audience, Now: func() time.Time { return now }}

// google and attacker are the keys in testdata: those that are published, and those that are not.
var google, attacker = sync.OnceValue(func() *standin.Keys { return parseKeys("") }),
	sync.OnceValue(func() *standin.Keys { return parseKeys("not_in_jwks") })

func parseKeys(member string) *standin.Keys {
	data, err := os.ReadFile("testdata/signing-keys.json")
	if err != nil {
		panic(err)
	}
	if member != "" {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(data, &members); err != nil {
			panic(err)
		}
		data = members[member]
	}
	keys, err := standin.ParseKeys(data)
	if err != nil {
		panic(err)
	}
	return keys
}

// secretsOf are the first n signing secrets in testdata.
func secretsOf(t testing.TB, n int) webhook.Secrets {
	t.Helper()
	secrets, err := webhook.ParseSecrets(strings.Join(google().Secrets[:n], " "))
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

// keySetOf is what keys verify with.
func keySetOf(t testing.TB, keys *standin.Keys) webhook.KeySet {
	t.Helper()
	var set jwkSet
	if err := json.Unmarshal(keys.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	return set.keySet()
}

type verifier interface {
	Verify(context.Context, http.Header, []byte) (webhook.Delivery, error)
}

func static(t testing.TB) *webhook.Static {
	return webhook.NewStatic(webhook.Fixed(secretsOf(t, 1)), options)
}

func dynamic(t testing.TB) *webhook.Dynamic {
	return webhook.NewDynamic(webhook.Fixed(keySetOf(t, google())), options)
}

// unsigned is a delivery at now.
func unsigned() standin.Delivery {
	return standin.Delivery{ID: "msg_1", Time: now, Body: standin.Event("batch.succeeded")}
}

// signV1 signs with those secrets, or else with the first.
func signV1(t testing.TB, d standin.Delivery, secrets ...string) standin.Delivery {
	t.Helper()
	if len(secrets) == 0 {
		secrets = google().Secrets[:1]
	}
	signed, err := google().SignV1(d, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func signV1a(t testing.TB, d standin.Delivery, keys *standin.Keys) standin.Delivery {
	t.Helper()
	signed, err := keys.SignV1a(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func signJWT(t testing.TB, d standin.Delivery, keys *standin.Keys) standin.Delivery {
	t.Helper()
	signed, err := keys.SignJWT(d, 0, audience, now, now.Add(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func signature(d standin.Delivery) string { return d.Header.Get(webhook.HeaderSignature) }

func wantAccepted(t *testing.T, by verifier, d standin.Delivery) webhook.Delivery {
	t.Helper()
	delivery, err := by.Verify(t.Context(), d.Header, d.Body)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return delivery
}

var reasons = []error{
	webhook.ErrMissingHeader, webhook.ErrMalformedHeader, webhook.ErrStaleTimestamp, webhook.ErrBadSignature,
	webhook.ErrBadToken, webhook.ErrDynamicURLRequired, webhook.ErrKeysUnavailable,
}

// isZero reports whether a delivery is none.
func isZero(d webhook.Delivery) bool { return reflect.ValueOf(d).IsZero() }

// wantRefused wants that one reason, that very sentence, and nothing secret or signed in it.
func wantRefused(t *testing.T, by verifier, d standin.Delivery, reason error, detail string) {
	t.Helper()
	delivery, err := by.Verify(t.Context(), d.Header, d.Body)
	if err == nil || !isZero(delivery) {
		t.Fatal("accepted")
	}
	for _, other := range reasons {
		if errors.Is(err, other) != (other == reason) {
			t.Errorf("errors.Is(%q, %q) = %t", err, other, other != reason)
		}
	}
	var refusal *webhook.Refusal
	if !errors.As(err, &refusal) || refusal.Detail != detail {
		t.Errorf("refused with %q, want the detail %q", err, detail)
	}
	if err.Error() != reason.Error()+": "+detail {
		t.Errorf("Error() = %q", err)
	}
}
