package receiver

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/shared/ledger"
)

var answerRow = regexp.MustCompile("(?m)^\\| (\\d{3}) \\| `(\\w+)` \\|")

// TestReferencePage compares the answers of the reference page with those of the code.
func TestReferencePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/answers.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range answerRow.FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, row[1]+" "+row[2])
	}
	answers := []string{
		"200 " + string(ledger.Published), "200 " + string(ledger.DeadLettered), "200 " + statusDuplicate,
		"404 not_found", "405 method_not_allowed",
	}
	for _, err := range []error{&inFlightError{}, os.ErrInvalid} {
		answers = append(answers, answerOf(failureOf(err)))
	}
	for _, known := range failures {
		answers = append(answers, answerOf(known.failure))
	}
	slices.Sort(answers)
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Compact(answers), documented); diff != "" {
		t.Errorf("docs/reference/answers.md (-code +page):\n%s", diff)
	}
}

func answerOf(f failure) string { return strconv.Itoa(f.status) + " " + f.code }
