package rotation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

func TestBeginAndFinish(t *testing.T) {
	t.Parallel()
	s := newScene(t)
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

func TestFinishEarly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, err := s.rotation().Begin(t.Context())
	s.want(err, nil, "whsec_2222 whsec_0001")
	_, err = s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_2222")
}

func TestASecondBeginTakesUpTheFirst(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		s := newScene(t)
		s.blind = blind
		if _, err := s.rotation().Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		outcome, err := s.rotation().Begin(t.Context())
		s.want(err, nil, "whsec_2222 whsec_0001")
		if outcome.Changed || s.made != 1 {
			t.Errorf("blind %t: the second begin has made a secret", blind)
		}
		s.now = s.now.Add(rotation.Grace)
		_, err = s.rotation().Begin(t.Context())
		s.want(err, nil, "whsec_3333 whsec_2222 whsec_0001")
	}
}

func TestALostAnswerIsMadeUpFor(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		s := newScene(t)
		s.blind, s.lostAnswers = blind, 1
		if _, err := s.rotation().Begin(t.Context()); err == nil {
			t.Fatal("no error")
		}
		s.want(nil, nil, "whsec_0001")
		s.now = s.now.Add(time.Hour)
		_, err := s.rotation().Begin(t.Context())
		s.want(err, nil, "whsec_3333 whsec_0001")
	}
}

// A rotation of which the answer was lost, after one that was not finished: two secrets are stored, and the newest is not.
func TestALostAnswerIsSeenBehindAnUnfinishedRotation(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		s := newScene(t)
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
	}
}

func TestWhereGeminiTellsNothingTheStoreDoes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
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
	s := newScene(t)
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
		s := newScene(t)
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
		// Past the point of no return a step may well end as it would have.
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %q: %v", at, err)
		}
		s.onStep = func(string) {}
		_, err = s.rotation().Begin(t.Context())
		if err != nil {
			t.Errorf("begun again after an interrupt at %q: %v", at, err)
		}
		_, err = s.rotation().Finish(t.Context(), true)
		if s.want(err, nil, s.signers()[0]); i < begin && s.made != 1 {
			t.Errorf("an interrupt at %q led to %d secrets, want one", at, s.made)
		}
	}
}

func TestNothingIsAskedOfGeminiThatCouldBeLost(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*scene) error{
		"store not writable": func(s *scene) error { s.checkErr = secretstore.ErrNotPermitted; return s.checkErr },
		"other receiver": func(s *scene) error {
			s.stored = "whsec_9999"
			s.reread = s.now.Add(time.Hour)
			return rotation.ErrRefused
		},
		"webhook gone": func(s *scene) error { s.getErr = geminiapi.ErrNotFound; return s.getErr },
	} {
		s := newScene(t)
		want := spoil(s)
		if _, err := s.rotation().Begin(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if s.made != 0 {
			t.Errorf("%s: a secret was made", name)
		}
	}
}

// Two rotate at once, and what was made first is stored last.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
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

func TestWriteIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
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

func TestALostSecretIsReplaced(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.stored, s.knows = "", ""
	_, err := s.rotation().Begin(t.Context())
	if s.refusedAt = nil; err != nil { // until then everything was refused
		t.Fatal(err)
	}
	s.want(err, nil, "whsec_2222")
}

func TestFinishDropsNothingThatGeminiDoesNotSignWith(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.stored, s.knows = "whsec_8888 whsec_9999", "whsec_8888 whsec_9999"
	_, err := s.rotation().Finish(t.Context(), true)
	s.refusedAt = nil
	s.want(err, rotation.ErrUnknownSecret, "whsec_8888 whsec_9999")

	s = newScene(t)
	s.stored = "whsec_8888 whsec_0001" // the newest is none of Gemini's
	_, err = s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_0001")
}
