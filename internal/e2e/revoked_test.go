package e2e

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/cli/secrettest"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/backend"
)

// TestRevokedSecret takes a signing secret and the dynamic keys away in each way that there is.
// With the next reading, which a delivery that does not verify causes at once and age after five
// minutes, they are out of use; being away for a while does not take them out of use.
func TestRevokedSecret(t *testing.T) {
	t.Parallel()
	b, g := newProject(t), newGemini(t)
	refused := func(code codes.Code, text string) func(*secrettest.Manager) {
		return func(m *secrettest.Manager) {
			m.Fail(func(method string) error {
				if method == "AccessSecretVersion" {
					return status.Error(code, text)
				}
				return nil
			})
		}
	}
	for name, test := range map[string]struct {
		revoke func(*secrettest.Manager)
		status int
		static string // the answer's code to what the revoked secret signed
		token  string // and to the URL that the revoked key made
	}{
		"replaced by another": {func(m *secrettest.Manager) {
			m.Add(signingSecretName, newSecret(t))
			m.Add(dynamicKeysName, newKey().Reveal())
		}, http.StatusUnauthorized, "bad_signature", "unknown_token"},
		"version disabled": {refused(codes.FailedPrecondition, "Secret Version [x] is in DISABLED state."),
			http.StatusServiceUnavailable, "keys_unavailable", "keys_unavailable"},
		"version destroyed": {refused(codes.FailedPrecondition, "Secret Version [x] is in DESTROYED state."),
			http.StatusServiceUnavailable, "keys_unavailable", "keys_unavailable"},
		"secret deleted": {refused(codes.NotFound, "Secret [x] not found."),
			http.StatusServiceUnavailable, "keys_unavailable", "keys_unavailable"},
		"access taken away": {refused(codes.PermissionDenied, "Permission denied."),
			http.StatusServiceUnavailable, "keys_unavailable", "keys_unavailable"},
		"away for a while": {refused(codes.Unavailable, "The service is currently unavailable."), http.StatusOK, "", ""},
	} {
		for how, wait := range map[string]time.Duration{"at once": 0, "after five minutes": 5 * time.Minute} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				now := &testkit.Clock{}
				secrets := secrettest.New(t, now.Now)
				secret, key := newSecret(t), newKey()
				secrets.Create(signingSecretName, secret)
				secrets.Create(dynamicKeysName, key.Reveal())
				r := newReceiver(t, environment(b, g, map[string]string{
					"GEMHOOK_SIGNING_SECRETS": signingSecretName, "GEMHOOK_DYNAMIC_KEYS": dynamicKeysName,
				}), &backend.Options{SecretManager: secrets.Options(), Anonymous: true, Now: now.Now})
				post := func(wantStatus int, static, token string) {
					t.Helper()
					d := gemini.NewDelivery(standin.Event("batch.succeeded"))
					d.Time = now.Now()
					for path, sent := range map[string]standin.Delivery{
						"/": must(g.Keys.SignV1(d, secret)), key.Path("acme"): must(g.Keys.SignV1a(d, 0)),
					} {
						want := static
						if path != "/" {
							want = token
						}
						answer, err := standin.Send(t.Context(), nil, r.url+path, sent)
						if err != nil || answer.StatusCode != wantStatus || answer.Error != want {
							t.Errorf("the answer is %+v, %v; want %d %s", answer, err, wantStatus, want)
						}
					}
				}
				post(http.StatusOK, "", "")

				test.revoke(secrets)
				now.Advance(wait)
				if wait == 0 { // whoever sends something else has the receiver look
					forged := gemini.NewDelivery(standin.Event("batch.succeeded"))
					forged.Time = now.Now()
					for path, sent := range map[string]standin.Delivery{
						"/": must(g.Keys.SignV1(forged, newSecret(t))), newKey().Path("acme"): must(g.Keys.SignV1a(forged, 0)),
					} {
						if answer, err := standin.Send(t.Context(), nil, r.url+path, sent); err != nil || answer.StatusCode < 400 {
							t.Fatalf("a forgery is answered %+v, %v", answer, err)
						}
					}
				}
				post(test.status, test.static, test.token)
			})
		}
	}
}
