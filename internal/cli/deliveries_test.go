package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// The list is newest first, and each flag narrows it.
func TestDeliveriesList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	f.run("deliveries", "list").want(0, "no deliveries")
	f.run("deliveries", "list", "-o", "json").want(0, "[]")
	f.run("send", "--id", "msg_1").want(0)
	f.run("send", "--id", "msg_2", "--type", "video.generated").want(0)
	f.run("send", "--id", "msg_3", "--tenant", "acme", "--keys", keysFile).want(0)
	f.run("send", "--id", "msg_4", "--tenant", "other", "--type", "video.generated", "--keys", keysFile).want(0)
	f.runWith(t.Context(), "no event", "send", "--id", "msg_5", "--body", "-").want(0)
	second := f.listed("--static", "--type", "video.generated")
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"msg_5", "msg_4", "msg_3", "msg_2", "msg_1"}},
		{[]string{"--limit", "2"}, []string{"msg_5", "msg_4"}},
		{[]string{"--limit", "0"}, []string{"msg_5", "msg_4", "msg_3", "msg_2", "msg_1"}},
		{[]string{"--type", "video.generated"}, []string{"msg_4", "msg_2"}},
		{[]string{"--tenant", "acme"}, []string{"msg_3"}},
		{[]string{"--static"}, []string{"msg_5", "msg_2", "msg_1"}},
		{[]string{"--state", "dead_lettered"}, []string{"msg_5"}},
		{[]string{"--state", "published", "--type", "video.generated", "--tenant", "other"}, []string{"msg_4"}},
		{[]string{"--state", "released"}, nil},
		{[]string{"--since", second[0].ReceivedAt.Format(time.RFC3339Nano)}, []string{"msg_5", "msg_4", "msg_3", "msg_2"}},
		{[]string{"--until", second[0].ReceivedAt.Format(time.RFC3339Nano)}, []string{"msg_1"}},
		{[]string{"--since", "1h"}, []string{"msg_5", "msg_4", "msg_3", "msg_2", "msg_1"}},
		{[]string{"--until", "1h"}, nil},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			f := f.in(t)
			got := f.listed(test.args...)
			same := len(got) == len(test.want)
			for i := range got {
				same = same && got[i].WebhookID == test.want[i]
			}
			if !same {
				t.Errorf("list %v: %+v, want %v", test.args, got, test.want)
			}
		})
	}
	f.run("deliveries", "list").want(0, "RECEIVED", "dead_lettered", "video.generated", "acme", "msg_1")
	f.run("deliveries", "list", "--limit", "2").want(0, "there may be more")
	if all := f.run("deliveries", "list", "--limit", "0").want(0).stdout; strings.Contains(all, "there may be more") {
		t.Errorf("of all it says that there may be more:\n%s", all)
	}
	for _, args := range [][]string{{"--state", "lost"}, {"--since", "yesterday"}, {"--static", "--tenant", "acme"}, {"--limit", "-1"}, {"more"}} {
		f.run(append([]string{"deliveries", "list"}, args...)...).want(64)
	}
}

type listed struct {
	Key        string
	WebhookID  string    `json:"webhook_id"`
	ReceivedAt time.Time `json:"received_at"`
}

func (f *fixture) listed(args ...string) (entries []listed) {
	f.t.Helper()
	f.run(append([]string{"deliveries", "list", "-o", "json"}, args...)...).want(0).json(&entries)
	return entries
}

// A delivery is shown whole, and its payload byte for byte.
func TestDeliveriesGet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register()
	body := `{"type":"batch.failed","data":{"id":"batch_9"}}`
	f.runWith(t.Context(), body, "send", "--id", "msg_1", "--body", "-").want(0)
	f.runWith(t.Context(), "\xff\x00", "send", "--id", "msg_2", "--body", "-").want(0)
	f.run("send", "--id", "msg_3", "--tenant", "acme", "--scheme", "jwt", "--keys", keysFile).want(0)

	f.run("deliveries", "get", "msg_1").want(0, "static!msg_1", "published", "batch_9", "ce-type", `"type": "batch.failed"`)
	if r := f.run("deliveries", "get", "msg_1", "--payload").want(0); r.stdout != body {
		t.Errorf("the payload is %q, want the bytes that were sent", r.stdout)
	}
	var got struct {
		Payload       string
		PayloadBase64 []byte `json:"payload_base64"`
		Attributes    map[string]string
	}
	f.run("deliveries", "get", "static!msg_1", "-o", "json").want(0).json(&got)
	if got.Payload != body || got.Attributes["ce-id"] != "msg_1" {
		t.Errorf("JSON has %+v", got)
	}
	f.run("deliveries", "get", "msg_2", "-o", "json").want(0).json(&got)
	if string(got.PayloadBase64) != "\xff\x00" {
		t.Errorf("payload_base64 is %q", got.PayloadBase64)
	}
	key := f.listed("--tenant", "acme")[0].Key
	r := f.run("deliveries", "get", key, "-o", "json").want(0)
	if !json.Valid([]byte(r.stdout)) {
		t.Error("no JSON")
	}
	f.run("deliveries", "get", "msg_3").want(66, "--tenant")
	f.run("deliveries", "get", "msg_3", "--tenant", "acme").want(66, "no such delivery")
	f.run("deliveries", "get", "static!a/b").want(66, "no such delivery")
	f.run("deliveries", "get").want(64)
	f.run("deliveries").want(64)
}

// Results that were collected are listed apart from the deliveries, and can be found and published
// again by their keys.
func TestResults(t *testing.T) {
	t.Parallel()
	f := newFixtureWithoutReceiver(t)
	at := time.Now()
	store := firestoreledger.New(f.documents, "deliveries")
	for key, topic := range map[ledger.Key]string{ledger.StaticKey("msg_1"): events, "result!00ff": deadLetters} {
		if _, err := store.Create(t.Context(), key, &ledger.Document{
			State: ledger.Published, WebhookID: "msg_1", Scheme: "v1", Type: "type-on-" + topic, Topic: topic, Payload: []byte("{}"),
			ReceivedAt: at, SettledAt: &at, ExpiresAt: at.Add(time.Hour), LeaseExpiresAt: at, MessageID: "1",
		}); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"deliveries list":             "msg_1",
		"deliveries list --results":   "result!00ff",
		"replay --since 1h":           "type-on-" + events,
		"replay --results --since 1h": "type-on-" + deadLetters,
	} {
		t.Run(args, func(t *testing.T) {
			f := f.in(t)
			r := f.run(strings.Fields(args)...).want(0, want)
			if n := strings.Count(r.stdout, "type-on-"); n != 1 {
				t.Errorf("gemhook %s shows %d, want one:\n%s", args, n, r.stdout)
			}
		})
	}
	f.run("deliveries", "get", "result!00ff").want(0, "type-on-"+deadLetters)
	f.run("replay", "--results", "--apply").want(0, "1 published")
	if n, others := len(f.pull(letters)), len(f.pull(subscription)); n != 1 || others != 0 {
		t.Errorf("%d messages on the result's topic and %d elsewhere, want one", n, others)
	}
	f.run("replay", "--dead-letters", "--results").want(64)
}
