package dev

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit"
)

// withoutEmulators hides the emulators, so that stand-ins are used in their place.
func withoutEmulators(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", t.TempDir())
	// The run sets these. Setenv restores the old values.
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	t.Setenv("STORAGE_EMULATOR_HOST", "")
}

// runOnce runs with stand-ins in this process until everything has been shown. It delivers what
// change has left of the usual deliveries.
func runOnce(t *testing.T, change func([]delivery)) (printed, logged string, err error) {
	t.Helper()
	withoutEmulators(t)
	folder, err := openFolder(filepath.Join(t.TempDir(), "folder"))
	if err != nil {
		t.Fatal(err)
	}
	var out, log testkit.Buffer
	w := &installation{
		out: plainPrinter(&out), log: &log, folder: folder, once: true, now: time.Now, rand: rand.Reader,
		deliveries: func(from *sender) ([]delivery, error) {
			planned, err := deliveries(from)
			if err == nil {
				change(planned)
			}
			return planned, err
		},
	}
	err = w.run(t.Context())
	if closeErr := folder.close(); closeErr != nil {
		t.Error(closeErr)
	}
	return out.String(), log.String(), err
}

// tableRows returns the rows with a mark, columns one space apart, message ids replaced by "id".
func tableRows(printed string) []string {
	messageID := regexp.MustCompile(` m\d+$`)
	var rows []string
	for line := range strings.Lines(printed) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "✓ ") || strings.HasPrefix(line, "✗ ") {
			rows = append(rows, messageID.ReplaceAllString(strings.Join(fields, " "), " id"))
		}
	}
	return rows
}

// TestEverythingIsAsExpected wants a row for each delivery and each job, none of them marked as
// unexpected, and the totals below the table.
func TestEverythingIsAsExpected(t *testing.T) {
	printed, logged, err := runOnce(t, func([]delivery) {})
	if err != nil {
		t.Error(err)
	}

	var want []string
	for _, eventType := range standin.EventTypes() {
		want = append(want, fmt.Sprintf("✓ %s v1 200 published %[1]s id", eventType))
	}
	for i, eventType := range standin.EventTypes() {
		scheme := []string{"v1a", "jwt"}[i%2]
		want = append(want, fmt.Sprintf("✓ %s %s 200 published %[1]s id", eventType, scheme))
	}
	want = append(want,
		"✓ the first, repeated v1 200 duplicate nothing",
		"✓ signed with another secret v1 401 bad_signature nothing",
		"✓ signed six minutes ago v1 401 stale_timestamp nothing",
		"✓ with another tenant's token v1a 401 unknown_token nothing",
		"✓ photo.developed, a new type v1 200 published photo.developed id",
		"✓ genuine, but no event v1 200 dead_lettered gemhook.dead_letter id",
		"✓ everything as expected",
		"✓ batch.succeeded 200 published gemhook.result.collected gs://gemhook-results/static/batches/cats/batch.succeeded/failures.jsonl",
		"✓ interaction.completed 200 published gemhook.result.collected gs://gemhook-results/static/interactions/tides/interaction.completed/output.md",
		"✓ video.generated 200 published gemhook.result.collected gs://gemhook-results/static/videos/operations%2Fwaves/video.generated/0.mp4",
	)
	if got := tableRows(printed); !slices.Equal(got, want) {
		t.Errorf("rows:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, line := range []string{
		"in-process stand-ins for Firestore and Pub/Sub",
		": 19 published, 1 duplicate, 3 refused, 1 dead-lettered\n",
		"20 messages on the topics: 19 on gemini-events, 1 on gemini-dead-letters\n",
	} {
		if strings.Count(printed, line) != 1 {
			t.Errorf("printed %d times, want once: %q", strings.Count(printed, line), line)
		}
	}
	if strings.Contains(printed, "\n\n\n") {
		t.Errorf("two empty lines follow each other:\n%s", printed)
	}
	if strings.Contains(printed, "\x1b") {
		t.Error("there is colour in what is printed without a terminal")
	}
	if strings.Contains(printed, `"severity"`) {
		t.Error("the receiver's log is among what is printed")
	}
	if got := strings.Count(logged, `"message":"delivery"`); got != 27 {
		t.Errorf("the receiver logged %d deliveries, want 24 and those of three jobs", got)
	}
}

// TestUnexpectedRowsAreMarked changes what is expected of four deliveries, and wants these to be
// marked, with the reason below each.
func TestUnexpectedRowsAreMarked(t *testing.T) {
	faults := map[string]string{
		"the first, repeated":         "expected one message, batch.succeeded on gemini-events",
		"signed with another secret":  "expected the answer 200 published",
		"photo.developed, a new type": "expected nothing on the topics",
		"genuine, but no event":       "it is on gemini-dead-letters, expected it on gemini-events",
	}
	printed, _, err := runOnce(t, func(planned []delivery) {
		for i := range planned {
			want := &planned[i].want
			switch planned[i].what {
			case "the first, repeated":
				want.topic, want.eventType = topicID, "batch.succeeded"
			case "signed with another secret":
				want.status, want.outcome = http.StatusOK, "published"
			case "photo.developed, a new type":
				want.topic = ""
			case "genuine, but no event":
				want.topic = topicID
			}
		}
	})
	if err != ErrUnexpected {
		t.Errorf("error %v, want ErrUnexpected", err)
	}

	lines := strings.Split(printed, "\n")
	marked := 0
	for i, line := range lines {
		what, isMarked := strings.CutPrefix(line, "✗ ")
		if !isMarked || strings.HasPrefix(what, "not as expected") {
			continue
		}
		marked++
		what, _, _ = strings.Cut(what, "  ")
		if fault := faults[what]; fault == "" || lines[i+1] != "    ↑ "+fault {
			t.Errorf("below the marked row %q: %q, want %q", what, lines[i+1], fault)
		}
	}
	if marked != len(faults) {
		t.Errorf("%d rows are marked, want %d:\n%s", marked, len(faults), printed)
	}
	if !strings.Contains(printed, "✗ not as expected: 4 deliveries, 0 messages of no delivery\n") {
		t.Errorf("the verdict does not name 4 deliveries:\n%s", printed)
	}
}
