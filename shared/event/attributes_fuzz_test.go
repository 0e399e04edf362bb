package event_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/webhook"
)

// FuzzAttributes makes a message of any delivery, an event or not.
func FuzzAttributes(f *testing.F) {
	for _, body := range []string{
		`{"type":"x"}`, `{"type":"x","user_metadata":{"a":"b"}}`, `{"type":1}`, "\ufeff{}", "null", "{\"type\":\"\xff\"}", `{"type":"\ud800"}`,
		`{"type":"goog","data":{"id":"a"},"timestamp":"2026-01-22T11:59:52Z","user_metadata":{"googclient":1,"":"","ce-id":true}}`,
		metadataBody(fmt.Sprintf(`%q:%q`, strings.Repeat("k", 242), strings.Repeat("v", 1024))),
		metadataBody(fmt.Sprintf(`%q:%q`, strings.Repeat("k", 243), strings.Repeat("v", 1025))),
		metadataBody(manyMembers(87)...), metadataBody(manyMembers(88)...), metadataBody(manyMembers(200)...),
	} {
		f.Add("msg_1", body, "")
		f.Add("msg_\xff", body, "acme")
	}
	f.Add(strings.Repeat("i", 1024), `{"type":"x"}`, "")
	f.Add(strings.Repeat("i", 1025), `{"type":"`+strings.Repeat("x", 1025)+`"}`, "acme")
	f.Fuzz(func(t *testing.T, id, body, tenant string) {
		if id == "" || len(id) > 8192 {
			t.Skip("the verifier takes no such webhook-id")
		}
		delivery := deliverID(t, webhook.SchemeV1, id, body)
		parsed, err := event.Parse(delivery.Payload())
		if err != nil {
			attributes := event.DeadLetterAttributes(delivery, tenant, err)
			if err := checkAttributes(deadLetter(delivery, tenant, err), attributes); err != nil {
				t.Errorf("dead letter: %v", err)
			}
			return
		}
		if err := checkAttributes(message(delivery, tenant, parsed), parsed.Attributes(delivery, tenant)); err != nil {
			t.Error(err)
		}
	})
}

func manyMembers(n int) []string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"key%03d":%d`, i, i))
	}
	return members
}

// message is what the contract puts on a message, could it be of any size.
func message(delivery webhook.Delivery, tenant string, parsed *event.Event) map[string]string {
	attributes := common(delivery, tenant)
	attributes["ce-type"] = parsed.Type
	if parsed.ResourceID != "" {
		attributes["ce-subject"] = parsed.ResourceID
	}
	for name, value := range parsed.Metadata {
		attributes["user_metadata."+name] = value
	}
	return attributes
}

func deadLetter(delivery webhook.Delivery, tenant string, reason error) map[string]string {
	attributes := common(delivery, tenant)
	attributes["ce-type"], attributes["error"] = "gemhook.dead_letter", reason.Error()
	return attributes
}

// common are the attributes of every message but ce-time, which has a test of its own.
func common(delivery webhook.Delivery, tenant string) map[string]string {
	attributes := map[string]string{
		"ce-specversion": "1.0", "ce-id": delivery.ID(), "content-type": "application/json", "ce-datacontenttype": "application/json",
		"ce-source":          "//generativelanguage.googleapis.com/webhooks/static",
		"ce-signaturescheme": string(delivery.Scheme()),
		"webhook-timestamp":  delivery.Timestamp(), "webhook-signature": delivery.Signature(),
	}
	if tenant != "" {
		attributes["ce-tenant"] = tenant
		attributes["ce-source"] = "//generativelanguage.googleapis.com/webhooks/dynamic/" + tenant
	}
	return attributes
}

// checkAttributes wants every attribute that can be there to be there, whole, and nothing else.
// Where there are too many it wants as many as there is room for.
func checkAttributes(want, got map[string]string) error {
	if err := checkLegal(got); err != nil {
		return err
	}
	others := 1 // ce-time
	if _, there := got["ce-time"]; !there {
		others = 0
	}
	for key, value := range got {
		if wanted, known := want[key]; key != "ce-time" && (!known || value != wanted) {
			return fmt.Errorf("attribute %.40q of %d bytes, want it of %d (known: %t)", key, len(value), len(wanted), known)
		}
	}
	legal := maps.Clone(want)
	maps.DeleteFunc(legal, func(key, value string) bool { return checkAttribute(key, value) != nil })
	if missing := min(len(legal)+others, maxAttributes) - len(got); missing > 0 {
		for _, key := range slices.Sorted(maps.Keys(legal)) {
			if _, there := got[key]; !there {
				return fmt.Errorf("%d attributes are missing, %.40q is one", missing, key)
			}
		}
	}
	return nil
}

// maxAttributes is Pub/Sub's limit less the mark of a redelivery.
const maxAttributes = 100 - 1

// checkLegal wants attributes that Pub/Sub takes
// (https://cloud.google.com/pubsub/quotas#resource_limits), with room for the mark of a redelivery.
func checkLegal(attributes map[string]string) error {
	if len(attributes) > maxAttributes {
		return fmt.Errorf("%d attributes, want %d at most", len(attributes), maxAttributes)
	}
	for key, value := range attributes {
		if err := checkAttribute(key, value); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(key, value string) error {
	if key == "" || len(key) > 256 || len(value) > 1024 || strings.HasPrefix(strings.ToLower(key), "goog") ||
		!utf8.ValidString(key) || !utf8.ValidString(value) {
		return fmt.Errorf("attribute %.40q of %d and %d bytes", key, len(key), len(value))
	}
	return nil
}

func TestAttributesCheckCanFail(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("v", 1025)
	want := map[string]string{"ce-id": "msg_1", "user_metadata.a": "b", "user_metadata.long": long}
	with := func(key, value string) map[string]string {
		return map[string]string{"ce-time": "2026-01-22T12:00:00Z", "ce-id": "msg_1", "user_metadata.a": "b", key: value}
	}
	many := func(n int) map[string]string {
		attributes := map[string]string{"ce-time": ""}
		for i := range n {
			attributes[fmt.Sprintf("user_metadata.%d", i)] = "v"
		}
		return attributes
	}
	for name, test := range map[string]struct {
		want, got map[string]string
		wrong     bool
	}{
		"right":                         {want, with("ce-id", "msg_1"), false},
		"as many as there is room for":  {many(200), many(98), false},
		"one too many":                  {many(200), many(99), true},
		"one too few":                   {many(200), many(97), true},
		"truncated":                     {want, with("user_metadata.long", long[:1024]), true},
		"whole, and too long":           {want, with("user_metadata.long", long), true},
		"empty in place of too long":    {want, with("user_metadata.long", ""), true},
		"key too long":                  {want, with(strings.Repeat("k", 257), "v"), true},
		"key empty":                     {want, with("", "v"), true},
		"key reserved":                  {want, with("googclient", "v"), true},
		"key reserved, in another case": {want, with("GOOGclient", "v"), true},
		"key not UTF-8":                 {want, with("\xff", "v"), true},
		"value not UTF-8":               {want, with("ce-id", "\xff"), true},
		"another value":                 {want, with("ce-id", "msg_2"), true},
		"one that nobody asked for":     {want, with("user_metadata.b", "b"), true},
		"one left out":                  {want, map[string]string{"ce-id": "msg_1", "ce-time": ""}, true},
	} {
		if err := checkAttributes(test.want, test.got); (err != nil) != test.wrong {
			t.Errorf("%s: the check says %v", name, err)
		}
	}
}
