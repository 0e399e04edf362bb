package ledgertest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

var documentRules = []rule{
	{"EveryField", func(t *testing.T, store ledger.Store) {
		want := newDocument()
		fields := reflect.ValueOf(*want)
		for i := range fields.NumField() {
			if fields.Field(i).IsZero() {
				t.Fatalf("newDocument leaves %s zero, so this would not be tested", fields.Type().Field(i).Name)
			}
		}
		create(t, store, key, want)
		stored(t, store, key, want)
	}},

	{"NotSettled", func(t *testing.T, store ledger.Store) {
		want := newDocument()
		want.SettledAt = nil
		create(t, store, key, want)
		if got, _ := read(t, store, key); got.SettledAt != nil {
			t.Errorf("settled at %v, want nil", got.SettledAt)
		}
	}},

	{"TimesToTheMicrosecond", func(t *testing.T, store ledger.Store) {
		for i, at := range []time.Time{
			time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC),
			time.Date(2026, 1, 22, 12, 0, 0, 1000, time.UTC),
			time.Date(2026, 1, 22, 12, 0, 0, 999_999_000, time.UTC),
			time.Date(2026, 1, 22, 12, 0, 0, 123_456_789, time.UTC),
			time.Date(2026, 1, 22, 12, 0, 0, 5000, time.FixedZone("", -5*60*60-30*60)),
			time.Date(2099, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		} {
			key := ledger.StaticKey(fmt.Sprint(i))
			want := newDocument()
			want.ReceivedAt, want.LeaseExpiresAt, want.ExpiresAt, want.SettledAt = at, at, at, &at
			create(t, store, key, want)
			stored(t, store, key, want)
		}
	}},

	{"OddAttributes", func(t *testing.T, store ledger.Store) {
		want := newDocument()
		want.Attributes = map[string]string{
			"user_metadata.a.b.c": "dots", "user_metadata.`": "backquote", `user_metadata."quoted"`: `"`, "user_metadata.it's": "'",
			"user_metadata.größe": "日本語", "user_metadata.🎬": "🎬", "user_metadata./[]*~\\": "\\", "user_metadata. ": " ",
			"user_metadata.\x00": "\x00", "user_metadata.empty": "", "user_metadata." + strings.Repeat("k", 242): strings.Repeat("v", 1024),
		}
		version := create(t, store, "static!created", want)
		stored(t, store, "static!created", want)

		other := newDocument()
		version, err := store.Replace(t.Context(), "static!created", version, other)
		if err != nil {
			t.Fatal(err)
		}
		stored(t, store, "static!created", other)
		if _, err := store.Replace(t.Context(), "static!created", version, want); err != nil {
			t.Fatal(err)
		}
		stored(t, store, "static!created", want)
	}},

	{"Payloads", func(t *testing.T, store ledger.Store) {
		for name, payload := range map[string][]byte{
			"nil": nil, "empty": {}, "binary": {0, 0xff, 0xfe, '\n'}, "250KiB": bytes.Repeat([]byte("\x00\xffgem"), 250<<10/5),
		} {
			key := ledger.StaticKey(name)
			want := newDocument()
			want.Payload = payload
			create(t, store, key, want)
			stored(t, store, key, want)
		}
	}},

	{"OddIDs", func(t *testing.T, store ledger.Store) {
		ids := []string{
			"", ".", "..", "/", "a/b/c", "__x__", "__", "!", "a!b", "%", "%2F", "a b", "a+b", "\x00", "\n", "\xff", "\xfe", "\xff\xfe/", "ü", "日本語", "🎬",
			"\u00e9", "e\u0301", `"'` + "`", "sha256:" + strings.Repeat("0", 64), strings.Repeat("x", 1400), strings.Repeat("x", 1493),
			strings.Repeat("x", 1494), strings.Repeat("x", 4096), strings.Repeat("x", 4095) + "y", strings.Repeat("/", 8192), strings.Repeat("\xff", 8192),
		}
		keys := map[ledger.Key]string{}
		for _, id := range ids {
			keys[ledger.StaticKey(id)], keys[ledger.DynamicKey("acme", id)] = id, id
			keys[ledger.DynamicKey(strings.Repeat("t", 63), id)] = id
			keys[ledger.TokenKey("acme", "batch.succeeded", id, "", []byte(id))] = id
		}
		for key, id := range keys {
			document := newDocument()
			document.WebhookID, document.MessageID = id, string(key)
			create(t, store, key, document)
		}
		for key, id := range keys {
			want := newDocument()
			want.WebhookID, want.MessageID = id, string(key)
			stored(t, store, key, want)
		}
	}},

	{"CallerKeepsWhatItWrote", func(t *testing.T, store ledger.Store) {
		document := newDocument()
		version := create(t, store, key, document)
		scribble(document)
		stored(t, store, key, newDocument())

		document = newDocument()
		document.Attempt++
		if _, err := store.Replace(t.Context(), key, version, document); err != nil {
			t.Fatal(err)
		}
		scribble(document)
		want := newDocument()
		want.Attempt++
		stored(t, store, key, want)
	}},

	{"CallerKeepsWhatItRead", func(t *testing.T, store ledger.Store) {
		create(t, store, key, newDocument())
		got, _ := read(t, store, key)
		scribble(got)
		stored(t, store, key, newDocument())
	}},
}

// scribble overwrites everything that a document points to.
func scribble(document *ledger.Document) {
	for i := range document.Payload {
		document.Payload[i] = '#'
	}
	for name := range document.Attributes {
		document.Attributes[name] = "#"
	}
	document.Attributes["#"] = "#"
	*document.SettledAt = document.SettledAt.Add(time.Hour)
}
