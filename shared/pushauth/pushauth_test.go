package pushauth_test

import (
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/push"
	"github.com/gemhook/gemhook/shared/pushauth"
)

const (
	audience = "https://collect.example.com/"
	account  = "push@project.iam.gserviceaccount.com"
)

var now = time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)

// fixture is a verifier, and the issuer whose certificates it fetches.
type fixture struct {
	*push.Issuer
	verifier *pushauth.Verifier
	clock    time.Time
	serves   atomic.Pointer[http.Handler] // the certificates
	fetches  atomic.Int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{Issuer: newIssuer(t, "key-1"), clock: now}
	f.serve(f.Issuer)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.fetches.Add(1)
		(*f.serves.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.verifier = pushauth.New(pushauth.Options{
		Audience: audience, Account: account, CertsURL: server.URL, Now: func() time.Time { return f.clock },
	})
	return f
}

func (f *fixture) serve(handler http.Handler) { f.serves.Store(&handler) }

func newIssuer(t *testing.T, keyID string) *push.Issuer {
	t.Helper()
	issuer, err := push.NewIssuer(keyID)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// sign returns the header with a token of good claims, some of them changed; nil removes a claim.
func sign(t *testing.T, issuer *push.Issuer, changed map[string]any) http.Header {
	t.Helper()
	claims := map[string]any{
		"iss": push.GoogleIssuer, "aud": audience, "email": account, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changed)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	token, err := issuer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

func TestVerifyChecksEveryClaim(t *testing.T) {
	f := newFixture(t)
	for name, test := range map[string]struct {
		claims map[string]any
		want   error
	}{
		"good":                        {nil, nil},
		"issuer without a scheme":     {map[string]any{"iss": "accounts.google.com"}, nil},
		"one of several audiences":    {map[string]any{"aud": []string{"x", audience}}, nil},
		"clock behind Google's":       {map[string]any{"iat": now.Add(20 * time.Second).Unix()}, nil},
		"another issuer":              {map[string]any{"iss": "https://accounts.example.com"}, pushauth.ErrBadToken},
		"no issuer":                   {map[string]any{"iss": nil}, pushauth.ErrBadToken},
		"another audience":            {map[string]any{"aud": audience + "x"}, pushauth.ErrBadToken},
		"no audience":                 {map[string]any{"aud": nil}, pushauth.ErrBadToken},
		"expired":                     {map[string]any{"exp": now.Add(-time.Minute).Unix()}, pushauth.ErrBadToken},
		"without an end":              {map[string]any{"exp": nil}, pushauth.ErrBadToken},
		"issued in the future":        {map[string]any{"iat": now.Add(time.Minute).Unix()}, pushauth.ErrBadToken},
		"not valid yet":               {map[string]any{"nbf": now.Add(time.Minute).Unix()}, pushauth.ErrBadToken},
		"another account":             {map[string]any{"email": "other@project.iam.gserviceaccount.com"}, pushauth.ErrForbidden},
		"no account":                  {map[string]any{"email": nil}, pushauth.ErrForbidden},
		"account not verified":        {map[string]any{"email_verified": false}, pushauth.ErrForbidden},
		"account verified, as a text": {map[string]any{"email_verified": "true"}, pushauth.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.verifier.Verify(t.Context(), sign(t, f.Issuer, test.claims)), test.want)
		})
	}
}

func TestVerifyChecksTheSignature(t *testing.T) {
	f := newFixture(t)
	good := sign(t, f.Issuer, nil).Get("Authorization")
	parts := strings.Split(good, ".")
	none := "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"key-1"}`)) + "." + parts[1] + "."
	hmac := "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"key-1"}`)) + "." + parts[1] + "." + parts[2]
	for name, test := range map[string]struct {
		values []string
		want   error
	}{
		"good":                     {[]string{good}, nil},
		"scheme in another case":   {[]string{"bearer" + strings.TrimPrefix(good, "Bearer")}, nil},
		"no header":                {nil, pushauth.ErrNoToken},
		"empty":                    {[]string{"Bearer "}, pushauth.ErrNoToken},
		"another scheme":           {[]string{"Basic dXNlcg=="}, pushauth.ErrNoToken},
		"two headers":              {[]string{good, good}, pushauth.ErrNoToken},
		"not a token":              {[]string{"Bearer abc"}, pushauth.ErrBadToken},
		"three parts of nothing":   {[]string{"Bearer .."}, pushauth.ErrBadToken},
		"too long":                 {[]string{good + strings.Repeat("A", 16<<10)}, pushauth.ErrBadToken},
		"algorithm none":           {[]string{none}, pushauth.ErrBadToken},
		"algorithm HS256":          {[]string{hmac}, pushauth.ErrBadToken},
		"signature of other bytes": {[]string{parts[0] + "." + parts[1] + "x." + parts[2]}, pushauth.ErrBadToken},
		"same key id, another key": {sign(t, newIssuer(t, "key-1"), nil)["Authorization"], pushauth.ErrBadToken},
		"unknown key id":           {sign(t, newIssuer(t, "key-2"), nil)["Authorization"], pushauth.ErrBadToken},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.verifier.Verify(t.Context(), http.Header{"Authorization": test.values})
			wantError(t, err, test.want)
			if err != nil && strings.Contains(err.Error(), parts[1]) {
				t.Error("the error quotes the token")
			}
		})
	}
}

func TestVerifyFollowsGoogleToANewKey(t *testing.T) {
	f := newFixture(t)
	wantError(t, f.verifier.Verify(t.Context(), sign(t, f.Issuer, nil)), nil)
	next := newIssuer(t, "key-2")
	f.serve(next)
	wantError(t, f.verifier.Verify(t.Context(), sign(t, next, nil)), nil)

	// Tokens with unknown keys cannot make it fetch as often as they come.
	before := f.fetches.Load()
	for range 10 {
		wantError(t, f.verifier.Verify(t.Context(), sign(t, newIssuer(t, "key-3"), nil)), pushauth.ErrBadToken)
	}
	if more := f.fetches.Load() - before; more != 0 {
		t.Errorf("%d more fetches within a minute, want none", more)
	}
}

// Where the certificates cannot be fetched, the last ones serve for a day. They are fetched within
// the request, since an instance may have been frozen before it.
func TestVerifyWithOldCertificates(t *testing.T) {
	f := newFixture(t)
	old := f.Issuer
	wantError(t, f.verifier.Verify(t.Context(), sign(t, old, nil)), nil)
	f.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	later := func(by time.Duration) http.Header {
		f.clock = f.clock.Add(by)
		return sign(t, old, map[string]any{"iat": f.clock.Unix(), "exp": f.clock.Add(time.Hour).Unix()})
	}
	wantError(t, f.verifier.Verify(t.Context(), later(23*time.Hour)), nil)
	wantError(t, f.verifier.Verify(t.Context(), later(time.Hour)), pushauth.ErrKeysUnavailable)

	f.serve(newIssuer(t, "key-2"))
	wantError(t, f.verifier.Verify(t.Context(), later(time.Minute)), pushauth.ErrBadToken)
}

func TestVerifyWithoutCertificates(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"an error":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"no key set":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"an empty one": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"keys of no use": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"RSA","kid":"key-1","alg":"RS512","n":"AQAB","e":"AQAB"},{"kty":"oct","kid":"key-1","k":"AQAB"}]}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.serve(handler)
			wantError(t, f.verifier.Verify(t.Context(), sign(t, f.Issuer, nil)), pushauth.ErrKeysUnavailable)

			f.serve(f.Issuer)
			f.clock = f.clock.Add(2 * time.Second)
			wantError(t, f.verifier.Verify(t.Context(), sign(t, f.Issuer, nil)), nil)
		})
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("error %v, want %v", got, want)
	}
}
