package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/shared/event"
)

// FuzzParse reads any payload, and has encoding/json read it with other functions.
func FuzzParse(f *testing.F) {
	for _, payload := range []string{
		`{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z","data":{"id":"batch_1","output_file_uri":"gs://b/o"}}`,
		`{"type":"x","user_metadata":{"a":"1","b":2,"c":true,"d":null,"e":[1],"f":{"g":1}},"data":{"user_metadata":{"a":"2"}}}`,
		`{"type":"x","type":"y","data":1,"data":{"id":1,"id":"a"}}`, `{"Type":"x"}`, `{"type":"x","DATA":{"ID":"a"}}`, `{"type":"\u0078\ud83d\ude00\ud800"}`,
		` {"type" : "x" , "user_metadata" : { "n" : -0.0e+00 , "m" : 1e999 } } `, "\ufeff{\"type\":\"x\"}", "\ufeff\ufeff{\"type\":\"x\"}", "{\"type\":\"\xff\"}",
		"{\"type\":\"x\",\"user_metadata\":{\"\xff\":\"\xfe\"}}", `{"type":""}`, `{"type":null}`, `{"type":["x"]}`, `{"type":"x"}{}`, `{"type":"x"}]`, `{"type":"x",}`,
		`null`, `[]`, `"type"`, `1`, ``, ` `, `{`, `{}`, `{"type":"x"`, strings.Repeat(`{"data":`, 200), `{"type":"x","data":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		parsed, err := event.Parse(payload)
		if err := checkParsed(string(payload), parsed, err); err != nil {
			t.Error(err)
		}
	})
}

// checkParsed wants an event of every JSON object with a type, read as encoding/json reads it, and
// of nothing else; and a reason of a few words that are not the payload's.
func checkParsed(payload string, parsed *event.Event, parseErr error) error {
	want := decoded(payload)
	if want == nil {
		if !errors.Is(parseErr, event.ErrNotEvent) || parsed != nil {
			return fmt.Errorf("parsed as %+v, error %v, want ErrNotEvent", parsed, parseErr)
		}
		if !reason.MatchString(parseErr.Error()) {
			return fmt.Errorf("the reason is %q", parseErr)
		}
		return nil
	}
	if parseErr != nil {
		return fmt.Errorf("an event of type %q: %w", want.Type, parseErr)
	}
	if parsed.Type != want.Type || parsed.ResourceID != want.ResourceID || parsed.Timestamp != want.Timestamp ||
		!maps.Equal(parsed.Metadata, want.Metadata) {
		return fmt.Errorf("parsed as %+v, want %+v", parsed, want)
	}
	return nil
}

var reason = regexp.MustCompile(`\Anot a Gemini event: (it has no type|it is no JSON object|invalid JSON at byte [0-9]+)\z`)

// decoded is the event that a payload is; nil if it is none.
func decoded(payload string) *event.Event {
	decoder := json.NewDecoder(strings.NewReader(strings.TrimPrefix(payload, "\ufeff")))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil
	}
	members, _ := value.(map[string]any)
	data, _ := members["data"].(map[string]any)
	e := &event.Event{Metadata: map[string]string{}}
	e.Type, _ = members["type"].(string)
	e.Timestamp, _ = members["timestamp"].(string)
	e.ResourceID, _ = data["id"].(string)
	for _, where := range []map[string]any{members, data} {
		metadata, _ := where["user_metadata"].(map[string]any)
		for name, value := range metadata {
			switch value := value.(type) {
			case string, bool, json.Number:
				e.Metadata[name] = fmt.Sprint(value)
			}
		}
	}
	if e.Type == "" {
		return nil
	}
	return e
}

func TestParsedCheckCanFail(t *testing.T) {
	t.Parallel()
	const payload = `{"type":"x","timestamp":"t","data":{"id":"a","user_metadata":{"n":1.0,"o":{}}},"user_metadata":{"n":2,"b":true}}`
	right := func() *event.Event {
		return &event.Event{Type: "x", Timestamp: "t", ResourceID: "a", Metadata: map[string]string{"n": "1.0", "b": "true"}}
	}
	changed := func(change func(*event.Event)) *event.Event { e := right(); change(e); return e }
	noObject := fmt.Errorf("%w: it is no JSON object", event.ErrNotEvent)
	for name, test := range map[string]struct {
		payload string
		parsed  *event.Event
		err     error
		wrong   bool
	}{
		"right":                       {payload, right(), nil, false},
		"no event":                    {`[]`, nil, noObject, false},
		"an event, and refused":       {payload, nil, noObject, true},
		"no event, and taken":         {`{"type":1}`, &event.Event{}, nil, true},
		"any case of a name":          {`{"Type":"x"}`, &event.Event{Type: "x"}, nil, true},
		"what follows ignored":        {payload + "x", right(), nil, true},
		"another error":               {`[]`, nil, errors.New("not a Gemini event"), true},
		"the payload in the reason":   {`[]`, nil, fmt.Errorf("%w: it is []", event.ErrNotEvent), true},
		"no reason":                   {`[]`, nil, event.ErrNotEvent, true},
		"type of another":             {payload, changed(func(e *event.Event) { e.Type = "y" }), nil, true},
		"no resource id":              {payload, changed(func(e *event.Event) { e.ResourceID = "" }), nil, true},
		"timestamp changed":           {payload, changed(func(e *event.Event) { e.Timestamp = "T" }), nil, true},
		"number in another form":      {payload, changed(func(e *event.Event) { e.Metadata["n"] = "1" }), nil, true},
		"the other place wins":        {payload, changed(func(e *event.Event) { e.Metadata["n"] = "2" }), nil, true},
		"only one place":              {payload, changed(func(e *event.Event) { delete(e.Metadata, "b") }), nil, true},
		"an object among the scalars": {payload, changed(func(e *event.Event) { e.Metadata["o"] = "{}" }), nil, true},
		"byte order mark refused":     {"\ufeff" + payload, nil, noObject, true},
	} {
		if err := checkParsed(test.payload, test.parsed, test.err); (err != nil) != test.wrong {
			t.Errorf("%s: the check says %v", name, err)
		}
	}
}
