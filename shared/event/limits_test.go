package event_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/webhook"
)

func metadataBody(members ...string) string {
	return `{"type":"x","data":{"id":"a"},"user_metadata":{` + strings.Join(members, ",") + `}}`
}

func TestMetadataBeyondTheRoomIsLeftOutInOrderOfItsNames(t *testing.T) {
	t.Parallel()
	var members []string
	for i := 199; i >= 0; i-- {
		members = append(members, fmt.Sprintf(`"key%03d":%d`, i, i))
	}
	got := attributesOf(t, metadataBody(members...))
	wantLegal(t, got)
	if len(got) != 99 || got["ce-subject"] != "a" {
		t.Errorf("%d attributes, want 99 and ce-subject among them", len(got))
	}
	for i := range 200 {
		key := fmt.Sprintf("user_metadata.key%03d", i)
		if value, there := got[key]; there != (i < 88) || there && value != fmt.Sprint(i) {
			t.Errorf("%s: there %t", key, there)
		}
	}
}

func TestMetadataThatJustFits(t *testing.T) {
	t.Parallel()
	var members []string
	for i := range 88 {
		members = append(members, fmt.Sprintf(`"key%03d":"v"`, i))
	}
	if got := attributesOf(t, metadataBody(members...)); len(got) != 99 || got["user_metadata.key087"] != "v" {
		t.Errorf("%d attributes, want 99 and the last key among them", len(got))
	}
}

func TestAttributesAtTheirLimits(t *testing.T) {
	t.Parallel()
	const prefix = "user_metadata."
	key := strings.Repeat("k", 256-len(prefix))
	tests := []struct {
		name, key, value string
		there            bool
	}{
		{"key of 256 bytes", key, "v", true},
		{"key of 257 bytes", key + "k", "v", false},
		{"key of 256 bytes, not ASCII", key[:len(key)-3] + "幅", "v", true},
		{"key of 257 bytes, 255 characters", key[:len(key)-2] + "幅", "v", false},
		{"value of 1,024 bytes", "a", strings.Repeat("v", 1024), true},
		{"value of 1,025 bytes", "a", strings.Repeat("v", 1025), false},
		{"value of 2 KiB", "a", strings.Repeat("v", 2048), false},
		{"value of 1,024 bytes, not ASCII", "a", strings.Repeat("幅", 341) + "v", true},
		{"value of 1,026 bytes, 342 characters", "a", strings.Repeat("幅", 342), false},
		{"key beginning goog", "googclient", "v", true},
		{"key of the receiver", "ce-id", "v", true},
		{"key empty", "", "v", true},
		{"value empty", "a", "", true},
		{"key with odd characters", `a b/=.\n`, "v", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := attributesOf(t, metadataBody(fmt.Sprintf("%q:%q", test.key, test.value), `"other":"there"`))
			wantLegal(t, got)
			value, there := got[prefix+test.key]
			if there != test.there || there && value != test.value {
				t.Errorf("there %t, want %t, with the whole value", there, test.there)
			}
			if got[prefix+"other"] != "there" || got["ce-id"] != "msg_1" {
				t.Error("another attribute suffers")
			}
			want := 12
			if test.there {
				want++
			}
			if len(got) != want {
				t.Errorf("%d attributes, want %d: no part of a longer one", len(got), want)
			}
		})
	}
}

func TestWhatIsTooLongOfTheEnvelopeIsLeftOut(t *testing.T) {
	t.Parallel()
	text := func(length int) string { return strings.Repeat("a", length) }
	for _, test := range []struct{ name, attribute, id, body string }{
		{"webhook-id", "ce-id", "%s", `{"type":"x"}`},
		{"type", "ce-type", "msg_1", `{"type":"%s"}`},
		{"data.id", "ce-subject", "msg_1", `{"type":"x","data":{"id":"%s"}}`},
	} {
		for length, want := range map[int]bool{1024: true, 1025: false, 8192: false} {
			t.Run(fmt.Sprintf("%s of %d bytes", test.name, length), func(t *testing.T) {
				t.Parallel()
				delivery := deliverID(t, webhook.SchemeV1, strings.ReplaceAll(test.id, "%s", text(length)),
					strings.ReplaceAll(test.body, "%s", text(length)))
				parsed, err := event.Parse(delivery.Payload())
				if err != nil {
					t.Fatal(err)
				}
				got := parsed.Attributes(delivery, "")
				wantLegal(t, got)
				if value, there := got[test.attribute]; there != want || there && value != text(length) {
					t.Errorf("%s: there %t, want %t", test.attribute, there, want)
				}
			})
		}
	}
}

func TestATimestampTooLongForAnAttributeIsLeftOut(t *testing.T) {
	t.Parallel()
	got := attributesOf(t, `{"type":"x","timestamp":"2026-01-22T11:59:52.`+strings.Repeat("0", 2000)+`Z"}`)
	wantLegal(t, got)
	if value, there := got["ce-time"]; there {
		t.Errorf("ce-time of %d bytes", len(value))
	}
}

// Headers are bytes, and nothing says that they are text.
func TestWhatIsNotUTF8IsLeftOut(t *testing.T) {
	t.Parallel()
	delivery := deliverID(t, webhook.SchemeV1, "msg_\xff", `{"type":"x"}`)
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []map[string]string{
		parsed.Attributes(delivery, ""), event.DeadLetterAttributes(delivery, "", event.ErrNotEvent),
	} {
		wantLegal(t, got)
		if _, there := got["ce-id"]; there || got["ce-specversion"] != "1.0" {
			t.Error("ce-id is there, or another is missing")
		}
	}
}

func TestWebhookHeadersTooLongForAnAttributeAreLeftOut(t *testing.T) {
	t.Parallel()
	signed, err := keys().SignV1(standin.Delivery{ID: "msg_1", Time: now, Body: []byte(`{"type":"x"}`)}, keys().Secrets[0])
	if err != nil {
		t.Fatal(err)
	}
	signature := signed.Header.Get("webhook-signature")
	for length, want := range map[int]bool{1024: true, 1025: false} {
		signed.Header.Set("webhook-signature", signature+strings.Repeat(" ", length-len(signature)))
		delivery := verify(t, signed)
		parsed, err := event.Parse(delivery.Payload())
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []map[string]string{
			parsed.Attributes(delivery, ""), event.DeadLetterAttributes(delivery, "", event.ErrNotEvent),
		} {
			wantLegal(t, got)
			if value, there := got["webhook-signature"]; there != want || there && value != delivery.Signature() {
				t.Errorf("signature of %d bytes: there %t, want %t", length, there, want)
			}
		}
	}
}
