package webhook_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// source is a webhook.Source with keys, newer keys once it is refreshed, and a record of what it
// was asked.
type source[T any] struct {
	keys, newer *T
	err         error
	gets        int
	refreshed   []*T // what was said to be stale
}

func (s *source[T]) Get(context.Context) (*T, error) {
	s.gets++
	return s.keys, s.err
}

func (s *source[T]) Refresh(_ context.Context, stale *T) *T {
	s.refreshed = append(s.refreshed, stale)
	if s.newer != nil {
		return s.newer
	}
	return stale
}

// wantAsked wants one Get, and as many refreshes, each for the keys of that Get.
func (s *source[T]) wantAsked(t *testing.T, refreshes int) {
	t.Helper()
	if s.gets != 1 || len(s.refreshed) != refreshes {
		t.Errorf("%d gets and %d refreshes, want 1 and %d", s.gets, len(s.refreshed), refreshes)
	}
	for _, stale := range s.refreshed {
		if stale != s.keys {
			t.Error("refreshed for keys that Get had not returned")
		}
	}
}

func TestRefreshIsAskedOnceAndOnlyForUnknownKeys(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*standin.Delivery) {
		return func(d *standin.Delivery) { d.Header.Set(name, value) }
	}
	token := func(header, claims string, sign signer) string {
		return signature(withToken(t, header, claims, sign))
	}
	good, byAttacker := rs256(googleRSA()), rs256(attackerRSA())
	tests := []struct {
		name    string
		change  func(*standin.Delivery)
		gets    int
		refresh int
	}{
		{"bad signature", func(d *standin.Delivery) { d.Body = append(d.Body, ' ') }, 1, 1},
		{"stale timestamp", set("webhook-timestamp", "1769082899"), 0, 0},
		{"timestamp ahead", set("webhook-timestamp", "1769083501"), 0, 0},
		{"malformed timestamp", set("webhook-timestamp", "soon"), 0, 0},
		{"missing id", set("webhook-id", ""), 0, 0},
		{"signature too long", set("webhook-signature", strings.Repeat("v1,v1a,", 2000)), 0, 0},
		{"malformed token", set("webhook-signature", "a.b.c"), 0, 0},
		{"token of another algorithm", set("webhook-signature", token(`{"alg":"none"}`, goodClaims, unsignedToken)), 0, 0},
		{"unknown kid", set("webhook-signature", token(`{"alg":"RS256","kid":"new"}`, goodClaims, good)), 1, 1},
		{"known kid, bad signature", set("webhook-signature", token(tokenHeader(""), goodClaims, byAttacker)), 1, 0},
		{"known kid, bad claims", set("webhook-signature", token(tokenHeader(""), `{}`, good)), 1, 0},
		{"known kid, expired", set("webhook-signature",
			token(tokenHeader(""), strings.Replace(goodClaims, "1769083500", "1769083100", 1), good)), 1, 0},
		{"good token", set("webhook-signature", token(tokenHeader(""), goodClaims, good)), 1, 0},
		{"good", func(*standin.Delivery) {}, 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set := keySetOf(t, google())
			keys := &source[webhook.KeySet]{keys: &set}
			d := signV1a(t, unsigned(), google())
			test.change(&d)
			_, _ = webhook.NewDynamic(keys, options).Verify(t.Context(), d.Header, d.Body)
			if keys.gets != test.gets || len(keys.refreshed) != test.refresh {
				t.Errorf("v1a: %d gets and %d refreshes, want %d and %d", keys.gets, len(keys.refreshed), test.gets, test.refresh)
			}

			d = signV1(t, unsigned())
			if test.change(&d); strings.Count(signature(d), ".") == 2 {
				return // the static verifier does not verify tokens
			}
			secrets := secretsOf(t, 1)
			signing := &source[webhook.Secrets]{keys: &secrets}
			_, _ = webhook.NewStatic(signing, options).Verify(t.Context(), d.Header, d.Body)
			if signing.gets != test.gets || len(signing.refreshed) != test.refresh {
				t.Errorf("v1: %d gets and %d refreshes, want %d and %d", signing.gets, len(signing.refreshed), test.gets, test.refresh)
			}
		})
	}
}

func TestNewerSecretsAreTried(t *testing.T) {
	t.Parallel()
	d := signV1(t, unsigned(), google().Secrets[1])
	old, both := secretsOf(t, 1), secretsOf(t, 2)

	secrets := &source[webhook.Secrets]{keys: &old, newer: &both}
	wantAccepted(t, webhook.NewStatic(secrets, options), d)
	secrets.wantAsked(t, 1)

	secrets = &source[webhook.Secrets]{keys: &old, newer: &webhook.Secrets{}}
	wantRefused(t, webhook.NewStatic(secrets, options), d, webhook.ErrBadSignature, noV1)
	secrets.wantAsked(t, 1)

	secrets = &source[webhook.Secrets]{keys: &old} // and nothing newer
	wantRefused(t, webhook.NewStatic(secrets, options), d, webhook.ErrBadSignature, noV1)
	secrets.wantAsked(t, 1)
}

func TestNewerKeySetIsTried(t *testing.T) {
	t.Parallel()
	full := keySetOf(t, google())
	foreign := keySetOf(t, attacker())
	for name, d := range map[string]standin.Delivery{
		"v1a":   signV1a(t, unsigned(), google()),
		"token": signJWT(t, unsigned(), google()),
	} {
		t.Run(name, func(t *testing.T) {
			keys := &source[webhook.KeySet]{keys: &foreign, newer: &full}
			if delivery := wantAccepted(t, webhook.NewDynamic(keys, options), d); delivery.ID() != "msg_1" {
				t.Errorf("ID = %q", delivery.ID())
			}
			keys.wantAsked(t, 1)
		})
	}

	expiredToken := withToken(t, tokenHeader(""), strings.Replace(goodClaims, "1769083500", "1769083100", 1), rs256(googleRSA()))
	keys := &source[webhook.KeySet]{keys: &foreign, newer: &full}
	wantRefused(t, webhook.NewDynamic(keys, options), expiredToken, webhook.ErrBadToken, expired)
	keys.wantAsked(t, 1)
}

func TestKeysUnavailableSaysNothingAboutTheDelivery(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	verify := func(d standin.Delivery) (webhook.Delivery, error) {
		if d.Scheme == standin.SchemeV1 {
			return webhook.NewStatic(&source[webhook.Secrets]{err: away}, options).Verify(t.Context(), d.Header, d.Body)
		}
		return webhook.NewDynamic(&source[webhook.KeySet]{err: away}, options).Verify(t.Context(), d.Header, d.Body)
	}
	for _, d := range []standin.Delivery{
		signV1(t, unsigned()), signV1a(t, unsigned(), google()), signV1a(t, unsigned(), attacker()), signJWT(t, unsigned(), google()),
	} {
		delivery, err := verify(d)
		var refusal *webhook.Refusal
		if !isZero(delivery) || !errors.Is(err, webhook.ErrKeysUnavailable) || !errors.Is(err, away) || errors.As(err, &refusal) {
			t.Errorf("%s: %v", d.Scheme, err)
		}
		for _, reason := range reasons {
			if reason != webhook.ErrKeysUnavailable && errors.Is(err, reason) {
				t.Errorf("%s: keys unavailable, and also %v", d.Scheme, reason)
			}
		}
	}
}

// contextSource records the context that it was called with.
type contextSource struct{ asked []context.Context }

func (s *contextSource) Get(ctx context.Context) (*webhook.Secrets, error) {
	s.asked = append(s.asked, ctx)
	return &webhook.Secrets{}, nil
}

func (s *contextSource) Refresh(ctx context.Context, stale *webhook.Secrets) *webhook.Secrets {
	s.asked = append(s.asked, ctx)
	return stale
}

func TestSourceIsAskedWithTheCallersContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "caller")
	d := signV1(t, unsigned())
	asked := &contextSource{}
	_, _ = webhook.NewStatic(asked, options).Verify(ctx, d.Header, d.Body)
	if len(asked.asked) != 2 || asked.asked[0].Value(key{}) != "caller" || asked.asked[1].Value(key{}) != "caller" {
		t.Errorf("asked %d times, or with another context", len(asked.asked))
	}
}

func TestFixedNeverChanges(t *testing.T) {
	t.Parallel()
	fixed := webhook.Fixed(secretsOf(t, 1))
	first, err := fixed.Get(t.Context())
	if err != nil || len(*first) != 1 {
		t.Fatalf("Get = %d secrets, %v", len(*first), err)
	}
	if again, _ := fixed.Get(t.Context()); again != first || fixed.Refresh(t.Context(), first) != first {
		t.Error("other keys")
	}
}

func TestVerifyIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	v1, v1a, jwt := signV1(t, unsigned()), signV1a(t, unsigned(), google()), signJWT(t, unsigned(), google())
	static, dynamic := static(t), dynamic(t)
	done := make(chan error)
	for range 8 {
		go func() {
			_, err1 := static.Verify(t.Context(), v1.Header, v1.Body)
			_, err2 := dynamic.Verify(t.Context(), v1a.Header, v1a.Body)
			_, err3 := dynamic.Verify(t.Context(), jwt.Header, jwt.Body)
			done <- errors.Join(err1, err2, err3)
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
