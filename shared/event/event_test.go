package event_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/webhook"
)

func TestParseReadsEveryTypeOfTheGuide(t *testing.T) {
	t.Parallel()
	types := standin.EventTypes()
	if len(types) != 9 {
		t.Fatalf("%d types, want 9", len(types))
	}
	for _, eventType := range types {
		t.Run(eventType, func(t *testing.T) {
			parsed, err := event.Parse(standin.Event(eventType))
			if err != nil {
				t.Fatal(err)
			}
			want := &event.Event{Type: eventType, ResourceID: "sample_123456", Timestamp: nowText, Metadata: map[string]string{}}
			if diff := cmp.Diff(want, parsed); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseTakesAnyShapeButOfType(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, wantType, wantID, wantTimestamp string }{
		{"type only", `{"type":"x"}`, "x", "", ""},
		{"unknown type", `{"type":"audio.transcribed","data":{"id":"a"}}`, "audio.transcribed", "a", ""},
		{"type of white space", `{"type":" "}`, " ", "", ""},
		{"type with escapes", `{"type":"batch\u002esucceeded"}`, "batch.succeeded", "", ""},
		{"white space around", " \r\n\t{\"type\" : \"x\" } \n", "x", "", ""},
		{"byte order mark", "\ufeff" + `{"type":"x","data":{"id":"a"}}`, "x", "a", ""},
		{"data missing", `{"type":"x","id":"a"}`, "x", "", ""},
		{"data null", `{"type":"x","data":null}`, "x", "", ""},
		{"data an array", `{"type":"x","data":[{"id":"a"}]}`, "x", "", ""},
		{"data a string", `{"type":"x","data":"{\"id\":\"a\"}"}`, "x", "", ""},
		{"data a number", `{"type":"x","data":5}`, "x", "", ""},
		{"data twice, the last counts", `{"type":"x","data":{"id":"a"},"data":{"id":"b"}}`, "x", "b", ""},
		{"data twice, the last is none", `{"type":"x","data":{"id":"a"},"data":5}`, "x", "", ""},
		{"id a number", `{"type":"x","data":{"id":7}}`, "x", "", ""},
		{"id null", `{"type":"x","data":{"id":null}}`, "x", "", ""},
		{"id under another name", `{"type":"x","data":{"ID":"a"}}`, "x", "", ""},
		{"data under another name", `{"type":"x","Data":{"id":"a"}}`, "x", "", ""},
		{"type twice, the last counts", `{"type":"x","type":"y"}`, "y", "", ""},
		{"type under another name too", `{"type":"x","TYPE":"y","Type":7}`, "x", "", ""},
		{"timestamp as sent", `{"type":"x","timestamp":"yesterday"}`, "x", "", "yesterday"},
		{"timestamp a number", `{"type":"x","timestamp":1769083200}`, "x", "", ""},
		{"deep data", `{"type":"x","data":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "x", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := event.Parse([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			want := &event.Event{
				Type: test.wantType, ResourceID: test.wantID, Timestamp: test.wantTimestamp, Metadata: map[string]string{},
			}
			if diff := cmp.Diff(want, parsed); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	const noObject, noType = "not a Gemini event: it is no JSON object", "not a Gemini event: it has no type"
	tests := []struct{ name, body, want string }{
		{"nothing", "", "not a Gemini event: invalid JSON at byte 0"},
		{"text", "hello", "not a Gemini event: invalid JSON at byte 1"},
		{"form", "type=batch.succeeded", "not a Gemini event: invalid JSON at byte 2"},
		{"cut off", `{"type":"x"`, "not a Gemini event: invalid JSON at byte 11"},
		{"more than an object", `{"type":"x"}{}`, "not a Gemini event: invalid JSON at byte 13"},
		{"two byte order marks", "\ufeff\ufeff" + `{"type":"x"}`, "not a Gemini event: invalid JSON at byte 1"},
		{"UTF-16", "{\x00\"\x00t\x00", "not a Gemini event: invalid JSON at byte 2"},
		{"null", "null", noObject},
		{"array", `[{"type":"x"}]`, noObject},
		{"string", `"type"`, noObject},
		{"number", "1", noObject},
		{"empty object", "{}", noType},
		{"type empty", `{"type":""}`, noType},
		{"type null", `{"type":null}`, noType},
		{"type a number", `{"type":1}`, noType},
		{"type an array", `{"type":["x"]}`, noType},
		{"type an object", `{"type":{"type":"x"}}`, noType},
		{"type under another name", `{"TYPE":"x","Type":"x"}`, noType},
		{"type deeper", `{"data":{"type":"x"}}`, noType},
		{"type twice, the last is none", `{"type":"x","type":null}`, noType},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := event.Parse([]byte(test.body))
			if parsed != nil || !errors.Is(err, event.ErrNotEvent) || err.Error() != test.want {
				t.Errorf("Parse = %+v, %v; want %s", parsed, err, test.want)
			}
		})
	}
}

func TestParseOfDeepNestingEndsQuickly(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"open arrays":       strings.Repeat("[", 100_000),
		"arrays in data":    `{"type":"x","data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		"objects in data":   `{"type":"x","data":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001),
		"arrays, then type": `{"data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `,"type":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := event.Parse([]byte(body))
			if !errors.Is(err, event.ErrNotEvent) || !strings.Contains(err.Error(), "invalid JSON at byte ") {
				t.Errorf("error %v, want %v", err, event.ErrNotEvent)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestParseReadsMetadata(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       map[string]string
	}{
		{"in data", `{"type":"x","data":{"user_metadata":{"a":"1"}}}`, map[string]string{"a": "1"}},
		{"at the top", `{"type":"x","user_metadata":{"a":"1"}}`, map[string]string{"a": "1"}},
		{"at both, data wins", `{"type":"x","user_metadata":{"a":"top","b":"top"},"data":{"user_metadata":{"a":"data","c":"data"}}}`,
			map[string]string{"a": "data", "b": "top", "c": "data"}},
		{"at both, that of data is no scalar", `{"type":"x","user_metadata":{"a":"top"},"data":{"user_metadata":{"a":[]}}}`,
			map[string]string{"a": "top"}},
		{"at both, that of data is no object", `{"type":"x","user_metadata":{"a":"top"},"data":{"user_metadata":5}}`,
			map[string]string{"a": "top"}},
		{"data is no object", `{"type":"x","user_metadata":{"a":"top"},"data":5}`, map[string]string{"a": "top"}},
		{"data after it", `{"data":{"user_metadata":{"a":"data"}},"user_metadata":{"a":"top"},"type":"x"}`, map[string]string{"a": "data"}},
		{"numbers as written", `{"type":"x","user_metadata":{"a":1.0,"b":1e3,"c":-0,"d":12345678901234567890,"e": 0.10 }}`,
			map[string]string{"a": "1.0", "b": "1e3", "c": "-0", "d": "12345678901234567890", "e": "0.10"}},
		{"booleans", `{"type":"x","user_metadata":{"a":true,"b": false }}`, map[string]string{"a": "true", "b": "false"}},
		{"null and nested are left out", `{"type":"x","user_metadata":{"a":null,"b":{"c":"1"},"d":["1"],"e":"1"}}`,
			map[string]string{"e": "1"}},
		{"strings with escapes", `{"type":"x","user_metadata":{"\u0061":"\"\\\u00e9\n\u0000"}}`, map[string]string{"a": "\"\\é\n\x00"}},
		{"strings that look like others", `{"type":"x","user_metadata":{"a":"null","b":"{}","c":"1.0"}}`,
			map[string]string{"a": "null", "b": "{}", "c": "1.0"}},
		{"not ASCII", `{"type":"x","user_metadata":{"größe":"幅","🙂":"🙃"}}`, map[string]string{"größe": "幅", "🙂": "🙃"}},
		{"empty key, empty value", `{"type":"x","user_metadata":{"":"a","b":""}}`, map[string]string{"": "a", "b": ""}},
		{"key twice, the last counts", `{"type":"x","user_metadata":{"a":"1","a":"2"}}`, map[string]string{"a": "2"}},
		{"key twice, the last is no scalar", `{"type":"x","user_metadata":{"a":"1","a":null}}`, map[string]string{}},
		{"keys differ in case", `{"type":"x","user_metadata":{"a":"1","A":"2"}}`, map[string]string{"a": "1", "A": "2"}},
		{"null", `{"type":"x","user_metadata":null}`, map[string]string{}},
		{"array", `{"type":"x","user_metadata":["a"]}`, map[string]string{}},
		{"string", `{"type":"x","user_metadata":"a"}`, map[string]string{}},
		{"under another name", `{"type":"x","User_Metadata":{"a":"1"},"userMetadata":{"a":"1"}}`, map[string]string{}},
		{"invalid UTF-8 replaced", "{\"type\":\"x\",\"user_metadata\":{\"a\xff\":\"b\xff\"}}", map[string]string{"a\ufffd": "b\ufffd"}},
		{"lone surrogate replaced", `{"type":"x","user_metadata":{"a":"\ud800"}}`, map[string]string{"a": "\ufffd"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := event.Parse([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(parsed.Metadata, test.want) {
				t.Errorf("Metadata = %q, want %q", parsed.Metadata, test.want)
			}
		})
	}
}

func TestParseLeavesThePayloadAlone(t *testing.T) {
	t.Parallel()
	const body = "\ufeff" + ` {"type":"x","user_metadata":{"a":"1"}} `
	payload := []byte(body)
	if _, err := event.Parse(payload); err != nil || string(payload) != body {
		t.Errorf("the payload has changed, or %v", err)
	}
}

func TestTimeIsTheEventsWhereItIsRFC3339(t *testing.T) {
	t.Parallel()
	for timestamp, own := range map[string]bool{
		"2026-01-22T12:00:00Z":        true,
		"2026-01-22t12:00:00z":        true,
		"2026-12-31T23:59:60Z":        true,
		"2026-12-31T23:59:60.5+00:00": true,
		"2026-12-31T23:58:60Z":        false,
		"2026-12-31T23:59:61Z":        false,
		"2026-01-22 12:00:00Z":        false,
		"2026-02-30T12:00:00Z":        false,
		"2026-01-22T12:00:00":         false,
	} {
		t.Run(timestamp, func(t *testing.T) {
			delivery := deliver(t, webhook.SchemeV1, `{"type":"batch.succeeded","timestamp":"`+timestamp+`"}`)
			parsed, err := event.Parse(delivery.Payload())
			if err != nil {
				t.Fatal(err)
			}
			got := parsed.Attributes(delivery, "")["ce-time"]
			if (got == timestamp) != own {
				t.Errorf("ce-time is %q, want the event's own: %t", got, own)
			}
		})
	}
}
