package cli_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/testkit"
)

// tailing is a tail that runs.
type tailing struct {
	w              *fixture
	stdout, stderr testkit.Buffer
	stop           context.CancelCauseFunc
	ended          chan *ran
}

// startTail starts one and, where it follows the topic, waits until it does.
func (w *fixture) startTail(args ...string) *tailing {
	w.t.Helper()
	ctx, stop := context.WithCancelCause(w.t.Context())
	tail := &tailing{w: w, stop: stop, ended: make(chan *ran, 1)}
	before := len(w.subscriptions())
	go func() {
		tail.ended <- w.runInto(ctx, "", &tail.stdout, &tail.stderr, append([]string{"tail"}, args...)...)
	}()
	w.t.Cleanup(func() { stop(context.Canceled) })
	if !slices.Contains(args, "--subscription") {
		w.eventually("tail subscribes", func() bool { return len(w.subscriptions()) > before })
	}
	return tail
}

// eventually waits until something is so.
func (w *fixture) eventually(what string, so func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	for !so() {
		if err := soon(ctx, time.Second); err != nil {
			w.t.Fatalf("waiting in vain until %s", what)
		}
	}
}

func (tail *tailing) end() *ran {
	tail.w.t.Helper()
	select {
	case r := <-tail.ended:
		return r
	case <-time.After(20 * time.Second):
		tail.w.t.Fatalf("tail does not end\nstdout: %s\nstderr: %s", tail.stdout.String(), tail.stderr.String())
		return nil
	}
}

func TestTailFollowsTheTopicAndTouchesNobody(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.register()
	tail := w.startTail("--count", "2")
	w.run("send", "--type", "batch.failed").want(0)
	w.run("send", "--tenant", "acme", "--keys", keysFile).want(0)
	r := tail.end().want(0, "batch.failed", "batch.succeeded", "acme", "sample_", "following topic")
	if n := strings.Count(r.stdout, "\n"); n != 2 {
		t.Errorf("%d lines, want one for each event:\n%s", n, r.stdout)
	}
	if got := w.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
	if n := len(w.pull(subscription)); n != 2 {
		t.Errorf("the other subscription has %d messages, want both", n)
	}
}

func TestTailFilters(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.register()
	byType := w.startTail("--count", "1", "--type", "video.generated", "-o", "json")
	byTenant := w.startTail("--count", "1", "--tenant", "acme", "-o", "json")
	w.run("send").want(0)
	w.run("send", "--type", "video.generated").want(0)
	w.run("send", "--tenant", "acme", "--keys", keysFile).want(0)
	for _, tail := range []*tailing{byType, byTenant} {
		var got struct {
			MessageID  string `json:"message_id"`
			Attributes map[string]string
			Data       string
		}
		tail.end().want(0).json(&got)
		var event struct{ Type string }
		if err := json.Unmarshal([]byte(got.Data), &event); err != nil || event.Type != got.Attributes["ce-type"] {
			t.Errorf("data %q do not belong to attributes %v", got.Data, got.Attributes)
		}
		if tail == byType && event.Type != "video.generated" || tail == byTenant && got.Attributes["ce-tenant"] != "acme" {
			t.Errorf("the filter let through %v", got.Attributes)
		}
	}
}

func TestTailPeeksOrTakes(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.register()
	w.run("send").want(0)
	w.run("send", "--type", "batch.failed").want(0)
	w.startTail("--subscription", subscription, "--count", "2").end().want(0, "batch.succeeded", "batch.failed")
	w.startTail("--subscription", subscription, "--count", "1", "--type", "batch.failed", "--ack").end().want(0, "batch.failed")
	left := w.pull(subscription)
	if len(left) != 1 || left[0].Attributes["ce-type"] != "batch.succeeded" {
		t.Errorf("%d messages are left, want the one that was not taken", len(left))
	}
}

func TestTailEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	tail := w.startTail()
	tail.stop(failure.Interruption{Signal: syscall.SIGINT})
	tail.end().want(0)
	if got := w.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
}

func TestTailMistakes(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	w.run("tail", "--ack").want(64)
	w.run("tail", "--count", "-1").want(64)
	w.run("tail", "--topic", "no-such-topic").want(66)
	w.run("tail", "--subscription", "no-such-subscription").want(66)
}
