package cli_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// replayed is what "replay -o json" prints.
type replayed struct {
	DryRun                                    bool `json:"dry_run"`
	Matched, Published, Skipped, Failed, Left int
	Events                                    []struct {
		WebhookID string `json:"webhook_id"`
		Outcome   string
		MessageID string `json:"message_id"`
	}
}

// A dry run publishes nothing; --apply publishes what was selected, oldest first and marked.
func TestReplayFromTheLedger(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	for i, eventType := range []string{"batch.succeeded", "video.generated", "batch.succeeded"} {
		f.run("send", "--id", fmt.Sprintf("msg_%d", i), "--type", eventType).want(0)
	}
	f.run("send", "--id", "msg_3", "--tenant", "acme", "--keys", keysFile).want(0)
	f.runWith(t.Context(), "no event", "send", "--id", "msg_4", "--body", "-").want(0)
	originals := map[string]*pubsubpb.PubsubMessage{}
	for _, m := range f.pull(subscription) {
		originals[m.Attributes["ce-id"]] = m
	}

	var got replayed
	f.run("replay", "--type", "batch.succeeded", "-o", "json").want(0).json(&got)
	if !got.DryRun || got.Matched != 3 || got.Published != 0 || len(f.pull(subscription)) != 0 {
		t.Errorf("the dry run is %+v, and has published %d", got, len(f.pull(subscription)))
	}
	f.run("replay", "--type", "batch.succeeded").want(0, "3 would be published", "--apply")

	for _, test := range []struct {
		args []string
		want string // ids, oldest first
	}{
		{[]string{"--type", "batch.succeeded"}, "msg_0 msg_2 msg_3"},
		{[]string{"--type", "batch.succeeded", "--static", "--limit", "1"}, "msg_0"},
		{[]string{"--since", "1h"}, "msg_0 msg_1 msg_2 msg_3"},
		{[]string{"--until", "1h"}, ""},
		{[]string{"msg_1", "msg_0"}, "msg_1 msg_0"},
		{[]string{"msg_3", "--tenant", "acme"}, "msg_3"},
		{[]string{"dynamic!acme!msg_3"}, "msg_3"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			f := f.in(t)
			f.run(append([]string{"replay", "--apply", "-o", "json"}, test.args...)...).want(0).json(&got)
			var ids []string
			for _, event := range got.Events {
				ids = append(ids, event.WebhookID)
			}
			messages := f.pull(subscription)
			if strings.Join(ids, " ") != test.want || got.Published != len(ids) || len(messages) != len(ids) {
				t.Errorf("replay %v: %+v and %d messages, want %s", test.args, got, len(messages), test.want)
			}
			for _, m := range messages {
				wantReplayOf(t, m, originals[m.Attributes["ce-id"]])
			}
		})
	}
	f.run("replay", "msg_4", "--apply").want(0, "1 published")
	if m := f.pull(letters); len(m) != 2 || string(m[1].Data) != "no event" {
		t.Errorf("%d dead letters, want the one and its replay", len(m))
	}
}

// wantReplayOf compares a replay with the message it repeats.
func wantReplayOf(t *testing.T, m, original *pubsubpb.PubsubMessage) {
	t.Helper()
	want := maps.Clone(original.Attributes)
	want["ce-redelivered"] = "true"
	if !maps.Equal(m.Attributes, want) || string(m.Data) != string(original.Data) || m.MessageId == original.MessageId {
		t.Errorf("the replay of %s differs by more than the mark", m.Attributes["ce-id"])
	}
}

// What was released or abandoned is published and settled, and what is held is skipped.
func TestReplaySettlesWhatWasNeverPublished(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	ctx := t.Context()
	store := firestoreledger.New(f.documents, "deliveries")
	message := func(webhookID string) ledger.Message {
		return ledger.Message{Key: ledger.StaticKey(webhookID), WebhookID: webhookID, Scheme: "v1", Type: "batch.failed", Topic: events, Payload: []byte(`{"type":"batch.failed"}`),
			Attributes: map[string]string{"ce-id": webhookID, "ce-type": "batch.failed"}}
	}
	claim := func(webhookID string, lease time.Duration) (*ledger.Ledger, *ledger.Claim) {
		l := ledger.New(store, ledger.Options{Lease: lease, Retention: time.Hour})
		result, err := l.Claim(ctx, message(webhookID))
		if err != nil {
			t.Fatal(err)
		}
		return l, result.Claim
	}
	l, released := claim("msg_released", time.Minute)
	if err := l.Release(ctx, released); err != nil {
		t.Fatal(err)
	}
	claim("msg_abandoned", -time.Second)
	claim("msg_held", time.Minute)

	var got replayed
	f.run("replay", "--type", "batch.failed", "--apply", "-o", "json").want(0).json(&got)
	if got.Published != 2 || got.Skipped != 1 {
		t.Errorf("%+v, want two published and the one held skipped", got)
	}
	for _, m := range f.pull(subscription) {
		if m.Attributes["ce-redelivered"] != "true" || m.Attributes["ce-id"] == "msg_held" {
			t.Errorf("message %v", m.Attributes)
		}
	}
	for webhookID, state := range map[string]ledger.State{
		"msg_released": ledger.Published, "msg_abandoned": ledger.Published, "msg_held": ledger.Claimed,
	} {
		document, _, err := store.Read(ctx, ledger.StaticKey(webhookID))
		if err != nil || document.State != state || state == ledger.Published && document.MessageID == "" {
			t.Errorf("%s is %+v, %v; want it %s", webhookID, document, err, state)
		}
	}
	// Gemini's next retry of what was replayed is a duplicate.
	f.run("send", "--id", "msg_released", "--type", "batch.failed").want(0, "duplicate")
}

// Dead letters go back to the events topic, and those published are taken off their own.
func TestReplayOfDeadLetters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	all := []map[string]string{
		{"ce-id": "msg_1", "ce-type": "batch.failed", "ce-tenant": "acme", "CloudPubSubDeadLetterSourceSubscription": "events-all"},
		{"ce-id": "msg_2", "ce-type": "video.generated", "CloudPubSubDeadLetterSourceDeliveryCount": "20"},
	}
	for i := range 20 {
		all = append(all, map[string]string{"ce-id": fmt.Sprint("msg_many_", i), "ce-type": "batch.expired"})
	}
	for _, attributes := range all {
		if _, err := f.messages.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic:    "projects/" + f.project + "/topics/" + deadLetters,
			Messages: []*pubsubpb.PubsubMessage{{Data: []byte(attributes["ce-id"]), Attributes: attributes}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	f.runWith(t.Context(), "no event", "send", "--id", "msg_3", "--body", "-").want(0)

	f.run("replay", "--dead-letters", "--type", "batch.expired", "--apply").want(0, "20 published")
	if n := len(f.pull(subscription)); n != 20 {
		t.Errorf("%d messages, want 20", n)
	}
	f.run("replay", "--dead-letters").want(0, "msg_1", "msg_2", "2 would be published", "1 other dead letter stays")
	f.run("replay", "--dead-letters", "--tenant", "acme", "--apply").want(0, "1 published")
	got := f.pull(subscription)
	want := map[string]string{"ce-id": "msg_1", "ce-type": "batch.failed", "ce-tenant": "acme", "ce-redelivered": "true"}
	if len(got) != 1 || !maps.Equal(got[0].Attributes, want) || string(got[0].Data) != "msg_1" {
		t.Errorf("messages %v, want the one dead letter, marked", got)
	}
	f.run("replay", "--dead-letters", "msg_3", "--apply").want(0, "1 published")
	left := f.pull(letters)
	if len(left) != 1 || left[0].Attributes["ce-id"] != "msg_2" {
		t.Errorf("%d dead letters are left, want the one that was not published", len(left))
	}
	f.run("replay", "--dead-letters").want(0, "nothing to publish")
}

// Selections that are wrong are refused; after a failure it says where to go on.
func TestReplayMistakesAndFailures(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.run("replay").want(64, "name events")
	f.run("replay", "--dead-letters", "--state", "published").want(64)
	f.run("replay", "msg_absent").want(66, "msg_absent")
	for i := range 3 {
		f.run("send", "--id", fmt.Sprint("msg_", i)).want(0)
	}
	var got replayed
	r := f.run("replay", "--since", "1h", "--topic", "no-such-topic", "--apply", "-o", "json").want(66, "--since 20")
	r.json(&got)
	if got.Published != 0 || got.Failed == 0 || got.Failed+got.Left != 3 {
		t.Errorf("%+v, want none published", got)
	}
	delete(f.env, "GEMHOOK_DEAD_LETTER_SUBSCRIPTION")
	f.run("replay", "--dead-letters").want(78, "GEMHOOK_DEAD_LETTER_SUBSCRIPTION")
}

// A limit takes the oldest, and says that there are more.
func TestReplayLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const n = 250 // more than two pages of a listing
	f.seed(n)
	for limit, want := range map[string]struct {
		matched, more int
		said          string
	}{
		"3":   {3, n - 3, "247 newer ones are beyond --limit 3\n"},
		"249": {249, 1, "1 newer one is beyond --limit 249\n"},
		"250": {n, 0, "250 would be published"},
		"0":   {n, 0, "250 would be published"},
	} {
		t.Run("--limit "+limit, func(t *testing.T) {
			f := f.in(t)
			var got struct {
				Matched, More int
				Events        []struct {
					WebhookID string `json:"webhook_id"`
				}
			}
			f.run("replay", "--since", "1h", "--limit", limit, "-o", "json").want(0).json(&got)
			if got.Matched != want.matched || got.More != want.more || len(got.Events) != want.matched {
				t.Errorf("--limit %s: %d of %d events, and %d more; want %+v", limit, len(got.Events), got.Matched, got.More, want)
			}
			for i, event := range got.Events {
				if id := fmt.Sprintf("msg_%03d", i); event.WebhookID != id {
					t.Fatalf("--limit %s: event %d is %s, want %s", limit, i, event.WebhookID, id)
				}
			}
			r := f.run("replay", "--since", "1h", "--limit", limit).want(0, want.said)
			if want.more == 0 && strings.Contains(r.stdout, "beyond --limit") {
				t.Errorf("--limit %s: %s", limit, r.stdout)
			}
		})
	}
	for limit, lines := range map[string]int{"0": n + 1, "2": 4} {
		t.Run("deliveries list --limit "+limit, func(t *testing.T) {
			f := f.in(t)
			r := f.run("deliveries", "list", "--limit", limit).want(0)
			if got := strings.Count(r.stdout, "\n"); got != lines {
				t.Errorf("deliveries list --limit %s prints %d lines, want %d", limit, got, lines)
			}
		})
	}
}

// An interrupted replay counts what is left, and says how to go on from there.
func TestReplayInterruptedGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	const n = 200
	f.seed(n)
	ctx, stop := context.WithCancelCause(t.Context())
	go func() {
		// Returns with the first message, or with the end of the test.
		_, _ = f.messages.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{
			Subscription: "projects/" + f.project + "/subscriptions/" + subscription, MaxMessages: 1,
		})
		stop(failure.Interruption{Signal: syscall.SIGINT})
	}()
	var got replayed
	// Whether the interrupt comes before the end is for the machine to say; both must add up.
	r := f.runWith(ctx, "", "replay", "--since", "1h", "--apply", "-o", "json")
	r.json(&got)
	if got.Published+got.Left != n || got.Failed != 0 || got.Left > 0 && r.code != 130 {
		t.Errorf("exit code %d after %+v", r.code, got)
	}
	if got.Left > 0 && !strings.Contains(r.stderr, "go on from there with --since ") {
		t.Errorf("it does not say how to go on: %s", r.stderr)
	}
}

// seed puts n published deliveries into the ledger.
func (f *fixture) seed(n int) {
	f.t.Helper()
	store := firestoreledger.New(f.documents, "deliveries")
	for i := range n {
		webhookID := fmt.Sprintf("msg_%03d", i)
		at := time.Now().Add(time.Duration(i-n) * time.Second)
		if _, err := store.Create(f.t.Context(), ledger.StaticKey(webhookID), &ledger.Document{
			State: ledger.Published, Attempt: 1, WebhookID: webhookID, Scheme: "v1", Type: "batch.succeeded", Topic: events,
			Payload: []byte(`{"type":"batch.succeeded"}`), Attributes: map[string]string{"ce-id": webhookID},
			ReceivedAt: at, ExpiresAt: at.Add(time.Hour), SettledAt: &at, MessageID: "1", LeaseExpiresAt: at,
		}); err != nil {
			f.t.Fatal(err)
		}
	}
}
