package event_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/webhook"
)

var now = time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)

const (
	nowDigits = "1769083200"
	nowText   = "2026-01-22T12:00:00Z"
	audience  = "audience"
)

var keys = sync.OnceValue(func() *standin.Keys {
	data, err := os.ReadFile("../webhook/testdata/signing-keys.json")
	if err != nil {
		panic(err)
	}
	keys, err := standin.ParseKeys(data)
	if err != nil {
		panic(err)
	}
	return keys
})

// deliver signs a body as that scheme, and verifies it.
func deliver(t testing.TB, scheme webhook.Scheme, body string) webhook.Delivery {
	t.Helper()
	return deliverID(t, scheme, "msg_1", body)
}

func deliverID(t testing.TB, scheme webhook.Scheme, id, body string) webhook.Delivery {
	t.Helper()
	d := standin.Delivery{ID: id, Time: now, Body: []byte(body)}
	var err error
	switch scheme {
	case webhook.SchemeV1:
		d, err = keys().SignV1(d, keys().Secrets[0])
	case webhook.SchemeV1a:
		d, err = keys().SignV1a(d, 0)
	case webhook.SchemeJWT:
		d, err = keys().SignJWT(d, 0, audience, now, now.Add(5*time.Minute))
	}
	if err != nil {
		t.Fatal(err)
	}
	return verify(t, d)
}

func verify(t testing.TB, d standin.Delivery) webhook.Delivery {
	t.Helper()
	options := &webhook.Options{Audience: audience, Now: func() time.Time { return now }}
	var delivery webhook.Delivery
	var err error
	if d.Scheme == standin.SchemeV1 {
		secrets, parseErr := webhook.ParseSecrets(keys().Secrets[0])
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		delivery, err = webhook.NewStatic(webhook.Fixed(secrets), options).Verify(t.Context(), d.Header, d.Body)
	} else {
		set := webhook.KeySet{
			Ed25519: []ed25519.PublicKey{keys().Ed25519[0].Private.Public().(ed25519.PublicKey)},
			RSA:     map[string][]*rsa.PublicKey{keys().RSA[0].ID: {&keys().RSA[0].Private.PublicKey}},
		}
		delivery, err = webhook.NewDynamic(webhook.Fixed(set), options).Verify(t.Context(), d.Header, d.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	return delivery
}

// attributesOf are the attributes of a static webhook's event.
func attributesOf(t testing.TB, body string) map[string]string {
	t.Helper()
	delivery := deliver(t, webhook.SchemeV1, body)
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Attributes(delivery, "")
}
