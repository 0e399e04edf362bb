package cli_test

import (
	"context"
	"crypto/rand"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
)

// A new user's walk from the first registration to a replay, while somebody who has the first
// secret posts deliveries signed with it. Gemini's test delivery comes half a second after the
// answer that promises it.
func TestWalk(t *testing.T) {
	f := newFixtureWithoutReceiver(t)
	f.gemini = standin.NewServerWithOptions(keys(), &standin.ServerOptions{APIKeys: []string{apiKey}, PingDelay: 500 * time.Millisecond})
	listening := httptest.NewServer(f.gemini)
	t.Cleanup(listening.Close)
	f.env["GOOGLE_GEMINI_BASE_URL"] = listening.URL
	f.secrets.Create("projects/"+f.project+"/secrets/dynamic", dynamicKey)
	f.receiver = f.startReceiver(nil)
	f.useTerraform(f.outputs())

	f.run("webhooks", "create").want(0, "7 types of event")
	leaked, _ := f.secrets.Latest(f.signing)
	f.awaitAccepted(leaked)
	if r := f.run("doctor").want(0, "everything is in order"); strings.Count(r.stdout, "✓") != 22 {
		t.Errorf("not every check is made and passed:\n%s", r.stdout)
	}

	tail := f.startTail("--count", "1")
	f.run("send", "--id", "msg_walk").want(0, "published")
	if r := tail.end().want(0); !strings.Contains(r.stdout, "msg_walk") {
		t.Errorf("tail shows %s", r.stdout)
	}

	f.run("webhooks", "rotate").want(0, "accepts the new secret and the previous one")
	both, _ := f.secrets.Latest(f.signing)
	stop := f.attack(leaked)
	f.run("webhooks", "rotate", "--finish", "--early").want(0, "the new secret alone")
	stop()
	if alone, _ := f.secrets.Latest(f.signing); strings.Contains(alone, leaked) || alone+" "+leaked != both {
		t.Error("what is stored is not the new secret alone")
	}
	if r := f.run("doctor").want(0, "everything is in order"); strings.Count(r.stdout, "✓") != 22 {
		t.Errorf("after the rotation not every check is passed:\n%s", r.stdout)
	}
	before := len(f.pull(subscription))
	f.run("replay", "msg_walk", "--apply").want(0, "1 published")
	replayed := f.pull(subscription)
	if before == 0 || len(replayed) != 1 {
		t.Fatalf("%d messages before the replay and %d of it, want some and one", before, len(replayed))
	}
	if again := replayed[0].Attributes; again["ce-id"] != "msg_walk" || again["ce-redelivered"] != "true" {
		t.Errorf("the replay published %s, marked %q", again["ce-id"], again["ce-redelivered"])
	}
}

// attack posts deliveries signed with a secret, one after the other, until stop is called.
func (f *fixture) attack(secret string) (stop func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			id, err := standin.NewID(rand.Reader)
			if err != nil {
				f.t.Error(err)
				return
			}
			d, err := (&standin.Keys{}).SignV1(standin.Delivery{ID: id, Time: time.Now(), Body: standin.Event("batch.failed")}, secret)
			if err != nil {
				f.t.Error(err)
				return
			}
			_, _ = standin.Send(ctx, nil, f.receiver+"/", d) // refused as soon as the secret is out of use
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
