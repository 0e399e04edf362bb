package cli_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/testkit"
)

// following is a command that follows the topic until it ends.
type following struct {
	f              *fixture
	stdout, stderr testkit.Buffer
	stop           context.CancelCauseFunc
	ended          chan *ran
}

// startTail starts a tail and, where it follows the topic, waits until it does.
func (f *fixture) startTail(args ...string) *following {
	f.t.Helper()
	return f.startFollowing(append([]string{"tail"}, args...)...)
}

// startFollowing starts a command and, unless it follows a subscription that is there, waits until
// it has one of its own.
func (f *fixture) startFollowing(args ...string) *following {
	f.t.Helper()
	ctx, stop := context.WithCancelCause(f.t.Context())
	started := &following{f: f, stop: stop, ended: make(chan *ran, 1)}
	before := len(f.subscriptions())
	go func() { started.ended <- f.runInto(ctx, "", &started.stdout, &started.stderr, args...) }()
	f.t.Cleanup(func() { stop(context.Canceled) })
	if !slices.Contains(args, "--subscription") {
		f.eventually(args[0]+" subscribes", func() bool { return len(f.subscriptions()) > before })
	}
	return started
}

// eventually waits until something is so.
func (f *fixture) eventually(what string, so func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), testkit.Patience)
	defer cancel()
	for !so() {
		if err := soon(ctx, time.Second); err != nil {
			f.t.Fatalf("waited %s without success: %s", testkit.Patience, what)
		}
	}
}

func (c *following) end() *ran {
	c.f.t.Helper()
	select {
	case r := <-c.ended:
		return r
	case <-time.After(testkit.Patience):
		c.f.t.Fatalf("the command does not end\nstdout: %s\nstderr: %s", c.stdout.String(), c.stderr.String())
		return nil
	}
}

// Messages are shown as they come, from a subscription of its own that goes with it.
func TestTailFollowsTheTopicAndTouchesNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	tail := f.startTail("--count", "2")
	f.run("send", "--type", "batch.failed").want(0)
	f.run("send", "--tenant", "acme", "--keys", keysFile).want(0)
	r := tail.end().want(0, "batch.failed", "batch.succeeded", "acme", "sample_", "following topic")
	if n := strings.Count(r.stdout, "\n"); n != 2 {
		t.Errorf("%d lines, want one for each event:\n%s", n, r.stdout)
	}
	if got := f.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
	if n := len(f.pull(subscription)); n != 2 {
		t.Errorf("the other subscription has %d messages, want both", n)
	}
}

// Only messages of the type or tenant asked for are shown.
func TestTailFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	byType := f.startTail("--count", "1", "--type", "video.generated", "-o", "json")
	byTenant := f.startTail("--count", "1", "--tenant", "acme", "-o", "json")
	f.run("send").want(0)
	f.run("send", "--type", "video.generated").want(0)
	f.run("send", "--tenant", "acme", "--keys", keysFile).want(0)
	for _, tail := range []*following{byType, byTenant} {
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

// Messages of an existing subscription stay in it, except with --ack.
func TestTailPeeksOrTakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.run("send").want(0)
	f.run("send", "--type", "batch.failed").want(0)
	f.startTail("--subscription", subscription, "--count", "2").end().want(0, "batch.succeeded", "batch.failed")
	f.startTail("--subscription", subscription, "--count", "1", "--type", "batch.failed", "--ack").end().want(0, "batch.failed")
	left := f.pull(subscription)
	if len(left) != 1 || left[0].Attributes["ce-type"] != "batch.succeeded" {
		t.Errorf("%d messages are left, want the one that was not taken", len(left))
	}
}

// An interrupt ends it, and its subscription is deleted.
func TestTailEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tail := f.startTail()
	tail.stop(failure.Interruption{Signal: syscall.SIGINT})
	tail.end().want(0)
	if got := f.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
}

// full is an output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A tail whose output cannot be written ends by itself, and leaves no subscription.
func TestTailEndsWhenNothingTakesWhatItPrints(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		var stderr testkit.Buffer
		ended <- cli.Run(ctx, []string{"tail"}, f.environment(strings.NewReader(""), full{}, &stderr))
	}()
	f.eventually("tail subscribes", func() bool { return len(f.subscriptions()) == 3 })
	f.run("send").want(0)
	if code := <-ended; code != failure.Failed || ctx.Err() != nil {
		t.Errorf("tail ends with %d (%v), want %d by itself", code, ctx.Err(), failure.Failed)
	}
	if got := f.subscriptions(); len(got) != 2 {
		t.Errorf("subscriptions are left: %v", got)
	}
}

// Flags and names that are wrong end it with their codes.
func TestTailMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.run("tail", "--ack").want(64)
	f.run("tail", "--count", "-1").want(64)
	f.run("tail", "--topic", "no-such-topic").want(66)
	f.run("tail", "--subscription", "no-such-subscription").want(66)
}
