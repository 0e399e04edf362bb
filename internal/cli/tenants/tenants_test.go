package tenants_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gemhook/gemhook/internal/cli/tenants"
	"github.com/gemhook/gemhook/shared/tenant"
)

// Keys of the tables below, by one letter: $N is the one that a change makes, $M another
// operator's.
var byLetter = strings.NewReplacer(
	"$A", keyText("A"), "$B", keyText("B"), "$C", keyText("C"), "$M", keyText("M"), "$N", keyText("N"),
)

func keyText(letter string) string { return tenant.KeyPrefix + strings.Repeat(letter, 43) }

func key(t *testing.T, letter string) tenant.Key {
	t.Helper()
	key, err := tenant.ParseKey(keyText(letter))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// toLetters shows a text with letters for the keys, and spaces for line feeds.
func toLetters(text string) string {
	for _, letter := range []string{"A", "B", "C", "M", "N"} {
		text = strings.ReplaceAll(text, keyText(letter), "$"+letter)
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// changes are all there are, by a short name.
func changes(t *testing.T, how string) *tenants.Change {
	t.Helper()
	made := key(t, "N")
	return map[string]func() *tenants.Change{
		"rotate acme":         func() *tenants.Change { return tenants.Rotate("acme", made) },
		"replace acme":        func() *tenants.Change { return tenants.Replace("acme", made) },
		"finish acme":         func() *tenants.Change { return tenants.Finish("acme") },
		"rotate":              func() *tenants.Change { return tenants.Rotate(tenants.Common, made) },
		"replace":             func() *tenants.Change { return tenants.Replace(tenants.Common, made) },
		"finish":              func() *tenants.Change { return tenants.Finish(tenants.Common) },
		"revoke acme":         func() *tenants.Change { return tenants.Revoke("acme") },
		"restore acme":        func() *tenants.Change { return tenants.Restore("acme", made) },
		"restore acme common": func() *tenants.Change { return tenants.RestoreCommon("acme") },
	}[how]()
}

// Each change makes of the stored entries what it should, and keeps those of others.
func TestChanges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		how, stored, want string // an empty want: nothing changes
		state             tenants.State
		keys              int
	}{
		{"rotate acme", "$A", "$A acme:$N acme:$A", tenants.Rotating, 2},
		{"rotate acme", "$A $B beta:$C", "$A $B beta:$C acme:$N acme:$A acme:$B", tenants.Rotating, 3},
		{"rotate acme", "acme:$B beta:$C $A", "acme:$N acme:$B beta:$C $A", tenants.Rotating, 2},
		{"rotate acme", "acme:$B beta:$C acme:$A", "", tenants.Rotating, 2},
		{"rotate acme", "", "acme:$N", tenants.Open, 1},
		{"rotate acme", "beta:$B", "beta:$B acme:$N", tenants.Open, 1},
		{"rotate acme", "hunter2 acme:$B acme:hunter2 $A", "hunter2 acme:$N acme:$B $A", tenants.Rotating, 2},
		{"rotate acme", "$A acme:$A acme:$B", "$A acme:$N acme:$B", tenants.Rotating, 2},
		{"replace acme", "$A acme:$B beta:$C", "$A acme:$N beta:$C", tenants.Open, 1},
		{"replace acme", "$A acme:$B acme:$C", "$A acme:$N", tenants.Open, 1},
		{"replace acme", "$A", "$A acme:$N", tenants.Open, 1},
		{"finish acme", "$A acme:$B beta:$C acme:$A", "$A acme:$B beta:$C", tenants.Open, 1},
		{"finish acme", "$A acme:$B", "", tenants.Open, 1},

		{"rotate", "", "$N", tenants.Open, 1},
		{"rotate", "acme:$B $A", "acme:$B $N $A", tenants.Rotating, 2},
		{"rotate", "acme:$B", "$N acme:$B", tenants.Open, 1},
		{"rotate", "hunter2 $A", "hunter2 $N $A", tenants.Rotating, 2},
		{"rotate", "$A $B", "", tenants.Rotating, 2},
		{"replace", "$A $B acme:$C acme:$A", "$N acme:$C", tenants.Open, 1},
		{"replace", "$A acme:$A beta:$B", "$N acme: beta:$B", tenants.Open, 1},
		{"finish", "$A $B acme:$C", "$A acme:$C", tenants.Open, 1},
		{"finish", "$A $B acme:$C acme:$B", "$A acme:$C acme:$B", tenants.Open, 1},
		{"finish", "$A $B acme:$B", "$A acme:", tenants.Open, 1},
		{"finish", "$A $B acme:$B acme:$C", "$A acme:$C", tenants.Open, 1},
		{"finish", "$A $B acme:$A", "$A acme:$A", tenants.Open, 1},
		{"finish", "$A", "", tenants.Open, 1},

		{"revoke acme", "$A", "$A acme:", tenants.Closed, 0},
		{"revoke acme", "acme:$B beta:$C acme:$A", "acme: beta:$C", tenants.Closed, 0},
		{"revoke acme", "acme:hunter2 $A", "acme: $A", tenants.Closed, 0},
		{"revoke acme", "$A acme:", "", tenants.Closed, 0},
		{"restore acme", "$A acme: beta:", "$A acme:$N beta:", tenants.Open, 1},
		{"restore acme", "$A acme:hunter2", "$A acme:$N", tenants.Open, 1},
		{"restore acme", "$A acme: acme:$B", "$A acme:$N", tenants.Open, 1},
		{"restore acme", "$A acme:$B", "", tenants.Open, 1},
		{"restore acme", "$A", "", tenants.Open, 0},
		{"restore acme common", "$A acme: beta:", "$A beta:", tenants.Open, 0},
		{"restore acme common", "$A acme:$B", "", tenants.Open, 1},
	} {
		t.Run(test.how+" of "+test.stored, func(t *testing.T) {
			t.Parallel()
			change := changes(t, test.how)
			stored := byLetter.Replace(test.stored)
			want := test.want
			if want == "" {
				want = test.stored
			}
			after, err := change.Apply(stored)
			if err != nil || toLetters(after) != want {
				t.Fatalf("it makes %q, %v; want %q", toLetters(after), err, want)
			}
			if got := change.Outcome; got.Changed != (test.want != "") || got.State != test.state || got.Keys != test.keys {
				t.Errorf("outcome %+v, want %s with %d keys", got, test.state, test.keys)
			}
		})
	}
}

// A change that makes no sense says why, and what to do instead.
func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		how, stored string
		want        error
	}{
		{"rotate acme", "$A acme:", tenant.ErrClosed},
		{"rotate acme", "$A acme:hunter2", tenant.ErrClosed},
		{"replace acme", "$A acme:", tenant.ErrClosed},
		{"finish acme", "$A acme:", tenant.ErrClosed},
		{"finish acme", "$A", tenants.ErrNothingToFinish},
		{"finish", "acme:$A", tenants.ErrNothingToFinish},
		{"restore acme common", "acme: beta:$B", tenants.ErrNoCommonKey},
	} {
		t.Run(test.how+" of "+test.stored, func(t *testing.T) {
			t.Parallel()
			if after, err := changes(t, test.how).Apply(byLetter.Replace(test.stored)); !errors.Is(err, test.want) || after != "" {
				t.Errorf("it makes %q, %v; want %v", toLetters(after), err, test.want)
			}
		})
	}
}

// What somebody else stores between reading and writing: see secretstore.Store.Change, which then
// applies a change again.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		how, seen, theirs, want string // an empty want: ErrChangedMeanwhile
	}{
		{"rotate acme", "$A", "$A beta:", "$A beta: acme:$N acme:$A"},
		{"rotate acme", "$A acme:$B", "$A acme:$M acme:$B", "$A acme:$M acme:$B"},
		{"rotate acme", "$A acme:$B", "$A acme:$M", "$A acme:$N acme:$M"},
		{"replace acme", "$A acme:$B", "$A acme:$B beta:$M", "$A acme:$N beta:$M"},
		{"replace acme", "$A acme:$B", "$A acme:$M", ""},
		{"replace", "$A", "$M", ""},
		{"finish acme", "acme:$A acme:$B", "acme:$M acme:$A", ""},
		{"finish acme", "acme:$A acme:$B", "acme:$A acme:$B $M", "acme:$A $M"},
		{"revoke acme", "$A acme:$B", "$A acme:$M acme:$B", "$A acme:"},
		{"restore acme", "$A acme:", "$A acme:$M", "$A acme:$M"},
	} {
		t.Run(test.how+" over "+test.theirs, func(t *testing.T) {
			t.Parallel()
			change := changes(t, test.how)
			if _, err := change.Apply(byLetter.Replace(test.seen)); err != nil {
				t.Fatal(err)
			}
			after, err := change.Apply(byLetter.Replace(test.theirs))
			if test.want == "" && errors.Is(err, tenants.ErrChangedMeanwhile) {
				return
			}
			if err != nil || toLetters(after) != test.want {
				t.Errorf("it makes %q, %v; want %q", toLetters(after), err, test.want)
			}
		})
	}
}

// A text that would be too long for Secret Manager is refused.
func TestNoRoomForAnotherEntry(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 1024 {
		fmt.Fprintf(&text, "tenant-%05d:dynkey_%043d\n", i, i)
	}
	const want = "there is no room for another entry: the dynamic keys are 65592 bytes long, and Secret Manager holds 65536: " +
		"about 1,000 tenants with a key of their own (52 bytes and the name)"
	after, err := changes(t, "rotate acme").Apply(text.String())
	if !errors.Is(err, tenants.ErrTooLong) || err.Error() != want || after != "" {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := tenants.Revoke("acme").Apply(text.String() + "tenant-0:"); !errors.Is(err, tenants.ErrTooLong) {
		t.Errorf("a text of which nothing is in use is changed: %v", err)
	}
	// What makes it no longer is let through.
	if after, err := tenants.Revoke("tenant-00000").Apply(text.String()); err != nil || len(after) >= text.Len() {
		t.Errorf("a tenant cannot be revoked: %v", err)
	}
}

// Each tenant's state follows from its entries, and malformed ones are named by their place.
func TestStatuses(t *testing.T) {
	t.Parallel()
	got, err := tenants.Statuses(byLetter.Replace("$A zeta:$B zeta:$A beta: acme:hunter2 alpha:$C nobody"))
	want := []tenants.Status{
		{Tenant: "", State: tenants.Open, Keys: 1},
		{Tenant: "acme", State: tenants.Malformed},
		{Tenant: "alpha", State: tenants.Open, Keys: 1},
		{Tenant: "beta", State: tenants.Closed},
		{Tenant: "zeta", State: tenants.Rotating, Keys: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "entry 5: ") || !strings.Contains(err.Error(), "\nentry 7: ") {
		t.Errorf("error %v, want one of entries 5 and 7", err)
	}
	got, err = tenants.Statuses("")
	if diff := cmp.Diff([]tenants.Status{{State: tenants.None}}, got); err != nil || diff != "" {
		t.Errorf("statuses of nothing: %v (-want +got):\n%s", err, diff)
	}
}
