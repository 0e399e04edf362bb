package printable_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/printable"
)

// samples are texts and what is shown of them.
var samples = []struct{ name, text, want string }{
	{"plain", "batch.succeeded äöü 日本語 👩‍💻", "batch.succeeded äöü 日本語 👩‍💻"},
	{"escape sequence", "\x1b[2J", "\uFFFD[2J"},
	{"escape sequence in C1", "\u009b2J", "\uFFFD2J"},
	{"every other control", "a\x00b\x07c\x7fd\u0080e\u009ff", "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFDf"},
	{"lines", "a\r\n\tb", "a\uFFFD\uFFFD\uFFFDb"},
	{"line separators", "a\u2028b\u2029c\u0085d", "a\uFFFDb\uFFFDc\uFFFDd"},
	{"bidirectional marks", "a\u202eb\u2066c\u2069d\u200fe\u061cf", "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFDf"},
	{"invisible", "a\u200bb\ufeffc\u00add\U000e0041e", "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe"},
	{"not UTF-8", "a\xffb\x9bc", "a\uFFFDb\uFFFDc"},
}

// What could command a terminal or reorder a line is replaced in text.
func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range samples {
		t.Run(test.name, func(t *testing.T) {
			if got := printable.Text(test.text); got != test.want {
				t.Errorf("Text(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

// In JSON it is escaped, so that the value stays the same.
func TestJSON(t *testing.T) {
	t.Parallel()
	for _, test := range samples {
		t.Run(test.name, func(t *testing.T) {
			encoded, err := json.MarshalIndent(map[string]string{test.text: test.text}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := json.Unmarshal(encoded, &want); err != nil {
				t.Fatal(err)
			}
			escaped := printable.JSON(encoded)
			if err := json.Unmarshal(escaped, &got); err != nil {
				t.Fatalf("%s: %v", escaped, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the meaning of %s has changed (-want +got):\n%s", encoded, diff)
			}
			for _, r := range string(escaped) {
				if r != '\n' && printable.Unsafe(r) {
					t.Errorf("%U is left in %q", r, escaped)
				}
			}
		})
	}
}

// JSON without such characters is left as it is.
func TestJSONLeavesWhatIsSafe(t *testing.T) {
	t.Parallel()
	line := []byte(`{"message":"delivery","id":"msg_1"}` + "\n")
	if got := printable.JSON(line); &got[0] != &line[0] {
		t.Error("a safe text is copied")
	}
}
