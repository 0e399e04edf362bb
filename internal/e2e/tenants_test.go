package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/secrettest"
	"github.com/gemhook/gemhook/internal/cli/tenants"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/tenant"
)

const dynamicKeysName = "projects/p/secrets/gemhook-dynamic"

// platform is a receiver of many tenants, of which every other one has a key of its own, and the
// deliveries that go on for them.
type tenantFixture struct {
	*project
	t        *testing.T
	receiver *receiver
	gemini   *gemini.Gemini
	secrets  *secrettest.Manager
	calls    *callLog
	now      testkit.Clock
	names    []string

	// Every delivery holds it for reading, and who advances the clock holds it for writing, so that
	// no lease ends within a call.
	moving    sync.RWMutex
	delivered atomic.Int64
}

func newTenantFixture(t *testing.T, size int) *tenantFixture {
	t.Helper()
	p := &tenantFixture{project: newProject(t), t: t, gemini: newGemini(t), calls: &callLog{}}
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	p.secrets = secrettest.New(t, p.now.Now)
	p.secrets.Create(dynamicKeysName, newKey().Reveal())
	var own strings.Builder
	for i := range size {
		p.names = append(p.names, fmt.Sprintf("tenant-%03d", i))
		if i%2 == 1 {
			fmt.Fprintf(&own, "%s:%s\n", p.names[i], newKey().Reveal())
		}
	}
	p.secrets.Add(dynamicKeysName, p.stored()+"\n"+own.String())
	p.receiver = newReceiver(t, environment(p.project, p.gemini, map[string]string{"GEMHOOK_DYNAMIC_KEYS": dynamicKeysName}), &backend.Options{
		Firestore: p.calls.watch(p.FirestoreHost), PubSub: p.calls.watch(p.PubSubHost), SecretManager: p.secrets.Options(),
		Anonymous: true, Now: p.now.Now,
	})
	return p
}

func newKey() tenant.Key { return must(tenant.GenerateKey(rand.Reader)) }

// stored is the text of the keys.
func (p *tenantFixture) stored() string {
	text, _ := p.secrets.Latest(dynamicKeysName)
	return text
}

// change stores what a change makes of the keys, ten seconds after the receiver may have looked for
// newer ones.
func (p *tenantFixture) change(change *tenants.Change) {
	p.t.Helper()
	p.advance(10 * time.Second)
	p.secrets.Add(dynamicKeysName, must(change.Apply(p.stored())))
}

func (p *tenantFixture) advance(by time.Duration) {
	p.moving.Lock()
	defer p.moving.Unlock()
	p.now.Advance(by)
}

// url is the URL that the stored keys make.
func (p *tenantFixture) url(name string) string {
	keys := must(tenant.ParseKeys(p.stored()))
	return p.receiver.url + must(keys.Path(name))
}

// wantAnswer posts a genuine delivery, and wants that answer.
func (p *tenantFixture) wantAnswer(url string, status int, code string) {
	p.t.Helper()
	p.moving.RLock()
	defer p.moving.RUnlock()
	d := gemini.NewDelivery(standin.Event("batch.succeeded"))
	d.Time = p.now.Now()
	answer, err := standin.Send(p.t.Context(), nil, url, must(p.gemini.Keys.SignV1a(d, 0)))
	if err != nil || answer.StatusCode != status || answer.Error != code {
		p.t.Errorf("a delivery is answered %+v, %v; want %d %s", answer, err, status, code)
		return
	}
	if status == http.StatusOK {
		p.delivered.Add(1)
	}
}

// deliverAllTheWhile delivers for these tenants, each in turn, until stop is called, and at least
// once for each.
func (p *tenantFixture) deliverAllTheWhile(names []string) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	urls := make([]string, len(names))
	for i, name := range names {
		urls[i] = p.url(name)
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(urls)) && ctx.Err() != nil {
					return
				}
				p.wantAnswer(urls[int(i)%len(urls)], http.StatusOK, "")
			}
		})
	}
	return func() {
		cancel()
		workers.Wait()
	}
}

func TestTenantsUnderLoad(t *testing.T) {
	p := newTenantFixture(t, 500)
	rotated, revoked, restored := p.names[0], p.names[1], p.names[2]
	p.secrets.Add(dynamicKeysName, must(tenants.Revoke(restored).Apply(p.stored())))
	stop := p.deliverAllTheWhile(p.names[3:])

	// A token that does not fit is looked for at once.
	old := p.url(rotated)
	p.wantAnswer(old, http.StatusOK, "")
	p.change(tenants.Rotate(rotated, newKey()))
	p.wantAnswer(p.url(rotated), http.StatusOK, "")
	p.wantAnswer(old, http.StatusOK, "")
	p.change(tenants.Restore(restored, newKey()))
	p.wantAnswer(p.url(restored), http.StatusOK, "")

	// A change that only closes something takes effect within five minutes.
	lost := p.url(revoked)
	p.wantAnswer(lost, http.StatusOK, "")
	p.change(tenants.Finish(rotated))
	p.change(tenants.Revoke(revoked))
	p.advance(5 * time.Minute)
	p.wantAnswer(old, http.StatusUnauthorized, "unknown_token")
	p.wantAnswer(lost, http.StatusUnauthorized, "unknown_token")
	p.wantAnswer(p.url(rotated), http.StatusOK, "")
	stop()
	for i := 3; i < len(p.names); i += 10 {
		p.wantAnswer(p.url(p.names[i]), http.StatusOK, "")
	}

	delivered := int(p.delivered.Load())
	if got := len(p.received(topicID, delivered)); got != delivered {
		t.Errorf("%d messages on the topic for %d deliveries acknowledged", got, delivered)
	}
	calls := map[string]int{}
	for _, call := range p.calls.take() {
		calls[call]++
	}
	if calls["Commit"] != 2*delivered || calls["Publish"] != delivered || len(calls) != 2 {
		t.Errorf("backend calls %v for %d deliveries, want three for each and none for those refused", calls, delivered)
	}
	// One at the start; after each of the changes one at most for a token that does not fit, or for
	// the keys' age.
	if reads := p.secrets.Calls("AccessSecretVersion"); reads > 6 {
		t.Errorf("the keys were read %d times", reads)
	}
	t.Logf("%d deliveries for %d tenants, none lost; the keys were read %d times", delivered, len(p.names), p.secrets.Calls("AccessSecretVersion"))
}
