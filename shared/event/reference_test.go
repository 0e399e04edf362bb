package event_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/event"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/webhook"
)

var attributeName = regexp.MustCompile("`([^`]+)`")

// TestReferencePage compares the attributes of the reference page with those of messages of every
// kind.
func TestReferencePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reference/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, name := range attributeName.FindAllStringSubmatch(cells[1], -1) {
				documented = append(documented, name[1])
			}
		}
	}
	delivery := deliver(t, webhook.SchemeV1a, `{"type":"batch.succeeded","data":{"id":"b"},"user_metadata":{"team":"search"}}`)
	parsed, err := event.Parse(delivery.Payload())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{ledger.RedeliveredAttribute}
	for _, attributes := range []map[string]string{
		parsed.Attributes(delivery, "acme"),
		event.DeadLetterAttributes(delivery, "", errors.New("no type")),
		parsed.FoundAttributes("gemhook-found-b", "", time.Now()),
	} {
		for name := range attributes {
			if strings.HasPrefix(name, "user_metadata.") {
				name = "user_metadata.{key}"
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Compact(names), documented); diff != "" {
		t.Errorf("docs/reference/messages.md (-code +page):\n%s", diff)
	}
}
