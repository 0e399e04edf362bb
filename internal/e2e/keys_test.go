package e2e

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/backend"
)

const signingSecretName = "projects/p/secrets/gemhook-signing"

// secretManager is a stand-in for Secret Manager with one secret, which has no version at first.
type secretManager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	host string

	mu    sync.Mutex
	text  string
	reads int
}

func newSecretManager(t *testing.T) *secretManager {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &secretManager{host: listener.Addr().String()}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, m)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return m
}

func (m *secretManager) AccessSecretVersion(_ context.Context, request *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.text == "" || request.GetName() != signingSecretName+"/versions/latest" {
		return nil, status.Error(codes.NotFound, "there is no such version")
	}
	return &secretmanagerpb.AccessSecretVersionResponse{Payload: &secretmanagerpb.SecretPayload{Data: []byte(m.text)}}, nil
}

func (m *secretManager) store(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text = text
}

func (m *secretManager) takeReads() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	reads := m.reads
	m.reads = 0
	return reads
}

// withSecretManager is a receiver whose signing secrets are in Secret Manager, at host, by that
// clock.
func withSecretManager(t *testing.T, b *project, g *gemini.Gemini, host string, now func() time.Time) *receiver {
	t.Helper()
	return newReceiver(t, environment(b, g, map[string]string{"GEMHOOK_SIGNING_SECRETS": signingSecretName}), &backend.Options{
		SecretManager: []option.ClientOption{
			option.WithEndpoint(host),
			option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		},
		Anonymous: true,
		Now:       now,
	})
}

func newSecret(t *testing.T) string {
	t.Helper()
	secret, err := standin.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// signedAt is a new delivery, signed at that time with that secret.
func signedAt(t *testing.T, g *gemini.Gemini, at time.Time, secret string) standin.Delivery {
	t.Helper()
	d := gemini.NewDelivery(standin.Event("batch.succeeded"))
	d.Time = at
	return must(g.Keys.SignV1(d, secret))
}

// Without secrets the answer is 503; once read they serve while Secret Manager is away.
func TestSecretManagerAwayAtStartAndLater(t *testing.T) {
	t.Parallel()
	b, g, now := newProject(t), newGemini(t), &testkit.Clock{}
	manager := newSecretManager(t)
	secret := newSecret(t)
	manager.store(secret)
	between := newProxy(t, "")
	r := withSecretManager(t, b, g, between.Address(), now.Now)

	d := signedAt(t, g, now.Now(), secret)
	wantUnavailable(t, r.url, d, "keys_unavailable")

	between.Forward(manager.host)
	now.Advance(time.Second)
	wantDelivered(t, b, r.url, signedAt(t, g, now.Now(), secret), false)

	between.Refuse()
	for range 3 {
		now.Advance(4 * time.Minute) // older than the secrets are kept
		wantDelivered(t, b, r.url, signedAt(t, g, now.Now(), secret), false)
	}
	if log := r.log.String(); !strings.Contains(log, "reading the signing secrets") {
		t.Error("nothing in the log says that Secret Manager cannot be read")
	}
}

// A secret that has no version yet is a 503 until it has one.
func TestSecretWithoutVersion(t *testing.T) {
	t.Parallel()
	b, g, now := newProject(t), newGemini(t), &testkit.Clock{}
	manager := newSecretManager(t)
	r := withSecretManager(t, b, g, manager.host, now.Now)
	secret := newSecret(t)
	d := signedAt(t, g, now.Now(), secret)
	wantUnavailable(t, r.url, d, "keys_unavailable")
	manager.store(secret + "\n")
	now.Advance(time.Second)
	wantDelivered(t, b, r.url, d, false)
}

// A new version of the secret is read when a signature does not match.
func TestRotatedSecretTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	b, g, now := newProject(t), newGemini(t), &testkit.Clock{}
	manager := newSecretManager(t)
	first, second, third := newSecret(t), newSecret(t), newSecret(t)
	manager.store(first)
	r := withSecretManager(t, b, g, manager.host, now.Now)
	wantDelivered(t, b, r.url, signedAt(t, g, now.Now(), first), false)

	manager.store(second + " " + first)
	wantDelivered(t, b, r.url, signedAt(t, g, now.Now(), second), false)
	wantDelivered(t, b, r.url, signedAt(t, g, now.Now(), first), false)

	// However many forgeries come in, they cause one reading in ten seconds.
	manager.takeReads()
	now.Advance(10 * time.Second)
	var forgers sync.WaitGroup
	for range 50 {
		forgers.Go(func() {
			if answer := post(t, r.url, signedAt(t, g, now.Now(), third)); answer.Error != "bad_signature" {
				t.Errorf("forgery answered %d %s", answer.StatusCode, answer.Body)
			}
		})
	}
	forgers.Wait()
	if reads := manager.takeReads(); reads != 1 {
		t.Errorf("50 forgeries caused %d readings of the secret, want 1", reads)
	}

	// Without any mismatch the new text is in effect within five minutes: a secret that is gone is
	// refused.
	manager.store(third)
	now.Advance(5 * time.Minute)
	if answer := post(t, r.url, signedAt(t, g, now.Now(), first)); answer.Error != "bad_signature" {
		t.Errorf("a secret that was removed five minutes ago: %d %s, want bad_signature", answer.StatusCode, answer.Body)
	}
}

// Without the key set the answer is 503; once fetched it serves while its server is away.
func TestKeySetAwayAtStartAndLater(t *testing.T) {
	t.Parallel()
	b, g, now := newProject(t), newGemini(t), &testkit.Clock{}
	g.FailJWKS(http.StatusServiceUnavailable)
	r := newReceiver(t, environment(b, g, nil), &backend.Options{Now: now.Now})
	url := r.url + gemini.DynamicPath()
	signed := func(keys *standin.Keys) standin.Delivery {
		d := gemini.NewDelivery(standin.Event("video.generated"))
		d.Time = now.Now()
		return must(keys.SignV1a(d, 0))
	}
	d := signed(g.Keys)
	wantUnavailable(t, url, d, "keys_unavailable")

	g.FailJWKS(0)
	now.Advance(time.Second)
	wantDelivered(t, b, url, d, false)

	g.FailJWKS(http.StatusServiceUnavailable)
	now.Advance(2 * time.Hour) // older than the key set is kept
	wantDelivered(t, b, url, signed(g.Keys), false)

	// A key that is published while deliveries go on is found at once, and however many signatures
	// fit no key, the key set is fetched once a minute.
	g.FailJWKS(0)
	now.Advance(time.Minute)
	rotated, err := standin.NewKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g.SetKeys(rotated)
	wantDelivered(t, b, url, signed(rotated), false)
	fetches := g.JWKSFetches()
	for range 50 {
		if answer := post(t, url, signed(g.Keys)); answer.Error != "bad_signature" {
			t.Errorf("a key no longer published: %d %s, want bad_signature", answer.StatusCode, answer.Body)
		}
	}
	if more := g.JWKSFetches() - fetches; more > 1 {
		t.Errorf("50 signatures that fit no key caused %d fetches of the key set in a minute, want at most 1", more)
	}
}
