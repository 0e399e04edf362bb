package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// Begin stores the new secret before the old one; after the grace, finish drops the old one.
func TestBeginAndFinish(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	outcome, err := s.rotation().Begin(t.Context())
	s.want(err, nil, "whsec_2222 whsec_0001")
	if !outcome.Changed || outcome.Stored != 2 || !outcome.ValidUntil.Equal(start.Add(rotation.Grace)) {
		t.Errorf("outcome %+v", outcome)
	}
	_, err = s.rotation().Finish(t.Context(), false)
	s.want(err, rotation.ErrTooEarly, "whsec_2222 whsec_0001")
	s.now = start.Add(rotation.Grace)
	outcome, err = s.rotation().Finish(t.Context(), false)
	s.want(err, nil, "whsec_2222")
	if !outcome.Changed || outcome.Stored != 1 {
		t.Errorf("outcome %+v", outcome)
	}
	outcome, err = s.rotation().Finish(t.Context(), false)
	s.want(err, nil, "whsec_2222")
	if outcome.Changed || s.writes != 2 {
		t.Errorf("a second finish has changed something: %+v", outcome)
	}
}

// Finish can be asked for before the grace is over.
func TestFinishEarly(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	_, err := s.rotation().Begin(t.Context())
	s.want(err, nil, "whsec_2222 whsec_0001")
	_, err = s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_2222")
}

// A rotation that is begun again makes no further secret until the first is over.
func TestASecondBeginTakesUpTheFirst(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprintf("blind %t", blind), func(t *testing.T) {
			s := newFixture(t)
			s.blind = blind
			if _, err := s.rotation().Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			outcome, err := s.rotation().Begin(t.Context())
			s.want(err, nil, "whsec_2222 whsec_0001")
			if outcome.Changed || s.made != 1 {
				t.Error("the second begin has made a secret")
			}
			s.now = s.now.Add(rotation.Grace)
			_, err = s.rotation().Begin(t.Context())
			s.want(err, nil, "whsec_3333 whsec_2222 whsec_0001")
		})
	}
}

// A secret whose answer was lost is replaced by another.
func TestALostAnswerIsMadeUpFor(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprintf("blind %t", blind), func(t *testing.T) {
			s := newFixture(t)
			s.blind, s.lostAnswers = blind, 1
			if _, err := s.rotation().Begin(t.Context()); err == nil {
				t.Fatal("no error")
			}
			s.want(nil, nil, "whsec_0001")
			s.now = s.now.Add(time.Hour)
			_, err := s.rotation().Begin(t.Context())
			s.want(err, nil, "whsec_3333 whsec_0001")
		})
	}
}

// A rotation of which the answer was lost, after one that was not finished: two secrets are stored,
// and the newest is not.
func TestALostAnswerIsSeenBehindAnUnfinishedRotation(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprintf("blind %t", blind), func(t *testing.T) {
			s := newFixture(t)
			if _, err := s.rotation().Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.now = s.now.Add(rotation.Grace + time.Hour)
			s.blind, s.lostAnswers = blind, 1
			if _, err := s.rotation().Begin(t.Context()); err == nil {
				t.Fatal("no error")
			}
			_, err := s.rotation().Begin(t.Context())
			s.want(err, nil, "whsec_4444 whsec_2222 whsec_0001")
		})
	}
}

// Where Gemini shows no times, the grace is counted from when the secret was stored.
func TestWhereGeminiTellsNothingTheStoreDoes(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.blind, s.mute = true, true
	if _, err := s.rotation().Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := s.rotation().Finish(t.Context(), false)
	s.want(err, rotation.ErrTooEarly, "whsec_2222 whsec_0001")
}

// Interrupted at each step in turn, and then run again to the end.
func TestInterruptedAtEachStep(t *testing.T) {
	t.Parallel()
	var steps []string
	s := newFixture(t)
	s.onStep = func(what string) { steps = append(steps, what) }
	if _, err := s.rotation().Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin := len(steps)
	if _, err := s.rotation().Finish(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if begin != 5 || len(steps) != 9 {
		t.Fatalf("steps %q", steps)
	}
	for i, at := range steps {
		s := newFixture(t)
		ctx, interrupt := context.WithCancel(t.Context())
		seen := 0
		s.onStep = func(what string) {
			if seen++; seen == i+1 {
				interrupt()
			}
		}
		_, err := s.rotation().Begin(ctx)
		if i >= begin {
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.rotation().Finish(ctx, true)
		}
		// From some point on, a step is completed in spite of the interrupt.
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %q: %v", at, err)
		}
		s.onStep = func(string) {}
		_, err = s.rotation().Begin(t.Context())
		if err != nil {
			t.Errorf("begun again after an interrupt at %q: %v", at, err)
		}
		_, err = s.rotation().Finish(t.Context(), true)
		if s.want(err, nil, short(s.signers()[0])); i < begin && s.made != 1 {
			t.Errorf("an interrupt at %q led to %d secrets, want one", at, s.made)
		}
	}
}

// No secret is made where it could not be stored or would not be read.
func TestNothingIsAskedOfGeminiThatCouldBeLost(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*fixture) error{
		"store not writable": func(s *fixture) error { s.checkErr = secretstore.ErrNotPermitted; return s.checkErr },
		"other receiver": func(s *fixture) error {
			s.stored = full("whsec_9999")
			s.reread = s.now.Add(time.Hour)
			return rotation.ErrRefused
		},
		"webhook gone": func(s *fixture) error { s.getErr = geminiapi.ErrNotFound; return s.getErr },
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			want := spoil(s)
			if _, err := s.rotation().Begin(t.Context()); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if s.made != 0 {
				t.Error("a secret was made")
			}
		})
	}
}

// Two rotate at once, and what was made first is stored last.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "storing") && s.made == 1 {
			if _, err := s.Rotate(t.Context(), "w", geminiapi.RevokeAfter24Hours); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := s.rotation().Begin(t.Context())
	s.want(err, rotation.ErrChanged, "whsec_2222 whsec_0001")
	_, err = s.rotation().Begin(t.Context())
	s.want(err, nil, "whsec_4444 whsec_2222 whsec_0001")
}

// A secret that could not be stored is replaced by the next begin.
func TestWriteIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.writeErr = errors.New("down")
	_, err := s.rotation().Begin(t.Context())
	s.want(err, rotation.ErrNotStored, "whsec_0001")
	if strings.Contains(err.Error(), "whsec_") {
		t.Error("the error has a secret in it")
	}
	s.writeErr = nil
	_, err = s.rotation().Begin(t.Context())
	s.want(err, nil, "whsec_3333 whsec_0001")
}

// Where nothing is stored any more, begin stores a new secret.
func TestALostSecretIsReplaced(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.stored, s.knows = "", ""
	_, err := s.rotation().Begin(t.Context())
	if s.refusedAt = nil; err != nil { // until then everything was refused
		t.Fatal(err)
	}
	s.want(err, nil, "whsec_2222")
}

// Finish keeps the secrets that Gemini signs with, and drops nothing where none of those is stored.
func TestFinishDropsNothingThatGeminiDoesNotSignWith(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.stored, s.knows = full("whsec_8888 whsec_9999"), full("whsec_8888 whsec_9999")
	_, err := s.rotation().Finish(t.Context(), true)
	s.refusedAt = nil
	s.want(err, rotation.ErrUnknownSecret, "whsec_8888 whsec_9999")

	s = newFixture(t)
	s.stored = full("whsec_8888 whsec_0001") // the newest is none of Gemini's
	_, err = s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_0001")
}

// Anybody who has the old secret can send deliveries that verify with it, and a secret that Gemini
// lists as ending is not kept.
func TestFinishKeepsNothingThatGeminiListsAsEnding(t *testing.T) {
	t.Parallel()
	for name, half := range map[string]bool{"all ends shown": false, "only ends of ending ones shown": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			if _, err := s.rotation().Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.half = half
			s.stored = full("whsec_0001 whsec_2222") // in whatever order
			_, err := s.rotation().Finish(t.Context(), true)
			s.want(err, nil, "whsec_2222")
			if !slices.Equal(s.witnessed, []string{full("whsec_2222")}) {
				t.Errorf("a delivery was awaited of %q", s.witnessed)
			}
		})
	}
}

// Where Gemini shows nothing, the newest secret must be proved. A signature by an older one proves
// nothing.
func TestFinishWithoutProofDropsNothing(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.blind, s.mute = true, true
	s.stored = full("whsec_8888 whsec_0001")
	_, err := s.rotation().Finish(t.Context(), true)
	s.want(err, rotation.ErrUnproven, "whsec_8888 whsec_0001")
}

// Somebody begins a rotation while Finish waits for Gemini's delivery.
func TestFinishDropsNothingThatWasStoredMeanwhile(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	if _, err := s.rotation().Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "storing the new secret alone") {
			s.stored = full("whsec_7777 ") + s.stored
		}
	}
	_, err := s.rotation().Finish(t.Context(), true)
	s.want(err, secretstore.ErrChanged, "whsec_7777 whsec_2222 whsec_0001")
}

// The secret is stored behind one that somebody else stores at the same time.
func TestBeginKeepsWhatWasStoredMeanwhile(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "storing the new secret and the old") {
			s.stored = full("whsec_7777 ") + s.stored
		}
	}
	outcome, err := s.rotation().Begin(t.Context())
	s.want(err, nil, "whsec_2222 whsec_7777 whsec_0001")
	if err == nil && outcome.Stored != 3 {
		t.Errorf("outcome %+v", outcome)
	}
}

// Several instances may answer: each secret must pass three times in a row, a second apart after a
// refusal.
func TestBeginProbesEachSecretThreeTimesInARow(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "waiting") {
			s.answers = []bool{true, true, false, true, true, true, true, true, true}
			s.probed = 0
		}
	}
	if _, err := s.rotation().Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.answers) != 0 || s.probed != 9 {
		t.Errorf("%d probes, and %d answers were not waited for", s.probed, len(s.answers))
	}
	if waited := s.now.Sub(start); waited != time.Second {
		t.Errorf("it waited for %s, want a second", waited)
	}
}
