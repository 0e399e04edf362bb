package e2e

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/push"
)

// pushAccount is the service account that calls collect and reconcile.
const pushAccount = "push@e2e.iam.gserviceaccount.com"

// newCaller returns a token with which pushAccount may call the function of an audience, and the
// URL of the certificates that prove it.
func newCaller(t *testing.T, audience string) (token, certs string) {
	t.Helper()
	issuer, err := push.NewIssuer("key-1")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	token, err = issuer.Token(audience, pushAccount, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token, server.URL
}
