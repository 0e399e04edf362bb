package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/testkit"
)

// inspecting is an inspector that runs.
type inspecting struct {
	f     *fixture
	stop  context.CancelCauseFunc
	ended chan *ran
	url   string // without the token
	token string
}

func (f *fixture) startInspect(args ...string) *inspecting {
	f.t.Helper()
	ctx, stop := context.WithCancelCause(f.t.Context())
	i := &inspecting{f: f, stop: stop, ended: make(chan *ran, 1)}
	var stdout, stderr testkit.Buffer
	go func() { i.ended <- f.runInto(ctx, "", &stdout, &stderr, append([]string{"inspect"}, args...)...) }()
	f.t.Cleanup(func() { stop(context.Canceled) })
	f.eventually("inspect prints its URL", func() bool { return strings.HasSuffix(stdout.String(), "\n") })
	i.url, i.token, _ = strings.Cut(strings.TrimSpace(stdout.String()), "/#")
	return i
}

// get reads data of the page, or of its API with the status of a refusal.
func (i *inspecting) get(method, path string, into any) int {
	i.f.t.Helper()
	request, err := http.NewRequestWithContext(i.f.t.Context(), method, i.url+path, strings.NewReader("{}"))
	if err != nil {
		i.f.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+i.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		i.f.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		i.f.t.Fatal(err)
	}
	if answer.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, into); err != nil {
			i.f.t.Fatal(err)
		}
	}
	return answer.StatusCode
}

// search returns the ids of the deliveries with a text.
func (i *inspecting) search(text string) []string {
	var ids []string
	i.get(http.MethodGet, "/api/search?q="+text, &ids)
	return ids
}

func (i *inspecting) end(signal syscall.Signal) *ran {
	i.f.t.Helper()
	i.stop(failure.Interruption{Signal: signal})
	select {
	case r := <-i.ended:
		return r
	case <-time.After(testkit.Patience):
		i.f.t.Fatal("inspect does not end")
		return nil
	}
}

// The page shows a deployment's deliveries and messages, and changes neither.
func TestInspectShowsLedgerAndTopicAndOnlyReads(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.run("send", "--id", "before").want(0)
	subscriptions, size := len(f.subscriptions()), f.ledgerSize()

	i := f.startInspect()
	f.eventually("the ledger is shown", func() bool { return len(i.search("before")) == 1 })
	f.eventually("inspect subscribes", func() bool { return len(f.subscriptions()) == subscriptions+1 })
	f.run("send", "--id", "after", "--type", "batch.failed").want(0)
	var shown struct {
		Outcome      string
		Verification struct {
			Accepted bool
			Steps    []struct{ Name, Outcome, Detail string }
		}
		Documents []struct{ State string }
		Messages  []struct {
			Topic string
			Data  struct{ Text string }
		}
	}
	f.eventually("the next delivery is shown whole", func() bool {
		ids := i.search("after")
		return len(ids) == 1 && i.get(http.MethodGet, "/api/records/"+ids[0], &shown) == http.StatusOK &&
			len(shown.Messages) == 1 && shown.Outcome == "published"
	})
	if !shown.Verification.Accepted || len(shown.Documents) == 0 || !strings.Contains(shown.Messages[0].Data.Text, "batch.failed") {
		t.Errorf("the delivery shows as %+v", shown)
	}
	if status := i.get(http.MethodPost, "/api/records/1/send", nil); status != http.StatusForbidden {
		t.Errorf("sending again is answered %d, want %d", status, http.StatusForbidden)
	}
	i.end(syscall.SIGTERM).want(0)
	if len(f.subscriptions()) != subscriptions || f.ledgerSize() != size+1 {
		t.Errorf("%d subscriptions and %d documents, want %d and %d", len(f.subscriptions()), f.ledgerSize(), subscriptions, size+1)
	}
}

// With --ledger-only the page shows the ledger, and no subscription is made.
func TestInspectOfTheLedgerAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.run("send", "--id", "one").want(0)
	subscriptions := len(f.subscriptions())
	i := f.startInspect("--ledger-only")
	f.eventually("the ledger is shown", func() bool { return len(i.search("one")) == 1 })
	if len(f.subscriptions()) != subscriptions {
		t.Error("it made a subscription")
	}
	i.end(syscall.SIGINT).want(0)
}

// Flags and settings that are wrong end it with their codes.
func TestInspectMistakes(t *testing.T) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	f.run("inspect", "--newest", "0").want(64, "newest one from 1")
	f.run("inspect", "--topic", "no-such-topic").want(66)
	delete(f.env, "GEMHOOK_TOPIC")
	f.run("inspect").want(78, "topic")
}
