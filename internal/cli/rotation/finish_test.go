package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/probe"
	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
)

// begun is a fixture in which a rotation is under way.
func begun(t *testing.T) *fixture {
	t.Helper()
	s := newFixture(t)
	if _, err := s.rotation().Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// A store that cannot be written is found out before Gemini is asked to send anything.
func TestFinishChecksThatItCanWrite(t *testing.T) {
	t.Parallel()
	s := begun(t)
	s.checkErr = secretstore.ErrNotPermitted
	_, err := s.rotation().Finish(t.Context(), true)
	s.want(err, secretstore.ErrNotPermitted, "whsec_2222 whsec_0001")
	if len(s.witnessed) != 0 {
		t.Error("a delivery was awaited")
	}
}

// The grace ends at a moment, at which the previous secret is dropped, and not before.
func TestFinishWaitsForTheVeryEndOfTheGrace(t *testing.T) {
	t.Parallel()
	s := begun(t)
	s.now = start.Add(rotation.Grace - 1)
	_, err := s.rotation().Finish(t.Context(), false)
	s.want(err, rotation.ErrTooEarly, "whsec_2222 whsec_0001")
	if want := start.Add(rotation.Grace).Format(time.RFC3339); !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say until when: %s", err, want)
	}
	s.now = start.Add(rotation.Grace)
	_, err = s.rotation().Finish(t.Context(), false)
	s.want(err, nil, "whsec_2222")
}

// A write that fails is tried again, after longer and longer pauses, and given up in the end.
func TestWritesAreTriedFiveTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failures int
		waited   time.Duration
		err      error
		stored   string
	}{
		{1, 2 * time.Second, nil, "whsec_2222 whsec_0001"},
		{4, 30 * time.Second, nil, "whsec_2222 whsec_0001"},
		{5, 30 * time.Second, rotation.ErrNotStored, "whsec_0001"},
	} {
		t.Run(fmt.Sprintf("%d failures", test.failures), func(t *testing.T) {
			s := newFixture(t)
			s.writeFailures = test.failures
			_, err := s.rotation().Begin(t.Context())
			s.refusedAt = nil
			s.want(err, test.err, test.stored)
			// A receiver that has not seen the new secret yet looks for it ten seconds after the
			// last time.
			if waited := s.now.Sub(start); err != nil && waited != test.waited || waited < test.waited {
				t.Errorf("%d failures: it waited for %s, want %s", test.failures, waited, test.waited)
			}
		})
	}
}

// Finish ends when the receiver accepts the new secret alone, or says after six minutes that it
// does not.
func TestFinishProbesTheReceiver(t *testing.T) {
	t.Parallel()
	s := begun(t)
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "probing") {
			s.answers = []bool{false, true, true, false, true, true, true}
		}
	}
	before := s.now
	_, err := s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_2222")
	if waited := s.now.Sub(before); len(s.answers) != 0 || waited != 2*time.Second {
		t.Errorf("it waited for %s, and %d answers were not waited for", waited, len(s.answers))
	}

	s = begun(t)
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "probing") {
			s.acceptsErr = errors.New("the receiver is down")
		}
	}
	before = s.now
	_, err = s.rotation().Finish(t.Context(), true)
	s.want(err, rotation.ErrRefused, "whsec_2222")
	if waited := s.now.Sub(before); waited != 6*time.Minute || !strings.Contains(err.Error(), "is down") {
		t.Errorf("it gave up after %s: %v", waited, err)
	}
}

// Nothing is waited for where waiting cannot help.
func TestAReceiverWithAnotherLedgerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"probing the receiver with the present", "waiting"} {
		t.Run(step, func(t *testing.T) {
			s := newFixture(t)
			s.onStep = func(what string) {
				if strings.HasPrefix(what, step) {
					s.acceptsErr = probe.ErrOtherLedger
				}
			}
			_, err := s.rotation().Begin(t.Context())
			if waited := s.now.Sub(start); !errors.Is(err, probe.ErrOtherLedger) || waited != 0 {
				t.Errorf("at %q: %v after %s", step, err, waited)
			}
		})
	}
}

// A receiver that is about to read what is stored has fifteen seconds for it, before anything is
// asked of Gemini.
func TestBeginGivesTheReceiverFifteenSeconds(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]error{14 * time.Second: nil, 16 * time.Second: rotation.ErrRefused} {
		t.Run(after.String(), func(t *testing.T) {
			s := newFixture(t)
			s.knows, s.reread = "", start.Add(after-10*time.Second)
			_, err := s.rotation().Begin(t.Context())
			stored := "whsec_2222 whsec_0001"
			if want != nil {
				stored = "whsec_0001"
			}
			if s.want(err, want, stored); want != nil && s.made != 0 {
				t.Error("a secret was made")
			}
		})
	}
}

// A malformed secret is used by no receiver, and is replaced.
func TestAMalformedSecretGivesWay(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]string{
		"hunter2":                "whsec_2222",
		"whsec_short":            "whsec_2222",
		"hunter2 " + "$1 junk":   "whsec_2222 whsec_0001",
		`"` + "$1" + `" ` + "$1": "whsec_2222 whsec_0001",
	} {
		t.Run(stored, func(t *testing.T) {
			s := newFixture(t)
			s.stored = strings.ReplaceAll(stored, "$1", full("whsec_0001"))
			_, err := s.rotation().Begin(t.Context())
			s.refusedAt = nil // until then everything was
			s.want(err, nil, want)
		})
	}
}

// An interrupt ends the waiting, whatever is waited for.
func TestWaitingIsInterrupted(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	ctx, interrupt := context.WithCancel(t.Context())
	s.onStep = func(what string) {
		if strings.HasPrefix(what, "waiting") {
			s.acceptsErr = errors.New("down")
			interrupt()
		}
	}
	_, err := s.rotation().Begin(ctx)
	s.want(err, context.Canceled, "whsec_2222 whsec_0001")
}

// A text that was stored, though the answer was lost, is stored once.
func TestAWriteWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.lostWrites = 1
	outcome, err := s.rotation().Begin(t.Context())
	if s.want(err, nil, "whsec_2222 whsec_0001"); err == nil && outcome.Stored != 2 {
		t.Errorf("outcome %+v", outcome)
	}
	s.lostWrites = 1
	_, err = s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_2222")
}

// A rotation that was finished early is over, although the previous secret is valid at Gemini
// still.
func TestBeginAfterAnEarlyFinishBeginsTheNext(t *testing.T) {
	t.Parallel()
	s := begun(t)
	_, err := s.rotation().Finish(t.Context(), true)
	s.want(err, nil, "whsec_2222")
	outcome, err := s.rotation().Begin(t.Context())
	if s.want(err, nil, "whsec_3333 whsec_2222"); err == nil && !outcome.Changed {
		t.Error("it took the first rotation for one under way")
	}
}

// Where Gemini has one secret, without an expiry, there is nothing to wait for, however new the
// stored secret is.
func TestFinishWhereGeminiHasOneSecret(t *testing.T) {
	t.Parallel()
	s := begun(t)
	s.valid = s.valid[:1]
	_, err := s.rotation().Finish(t.Context(), false)
	s.want(err, nil, "whsec_2222")
}

// What Gemini shows of its secrets proves that the stored one is among them, or does not.
func TestStored(t *testing.T) {
	t.Parallel()
	ending := start.Add(rotation.Grace)
	for name, test := range map[string]struct {
		listed       []geminiapi.SigningSecret
		known, shown bool
	}{
		"stored":               {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_...0001"}}, true, true},
		"not stored":           {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_...0002"}}, false, true},
		"with an ellipsis":     {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_…0001"}}, true, true},
		"with four dots":       {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_....0001"}}, true, true},
		"by its beginning":     {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_AAAA..."}}, true, true},
		"by two and two":       {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_AA...01"}}, true, true},
		"three characters":     {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_...001"}}, false, false},
		"nothing of it":        {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_..."}}, false, false},
		"no dots":              {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_0001"}}, false, false},
		"the other is ending":  {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_...0001"}, {TruncatedSecret: "whsec_...9", ExpireTime: ending}}, true, true},
		"one of two is stored": {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_...0001"}, {TruncatedSecret: "whsec_...0002"}}, false, true},
		"none is lasting":      {[]geminiapi.SigningSecret{{TruncatedSecret: "whsec_...0001", ExpireTime: ending}}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			known, shown := rotation.Stored(&geminiapi.Webhook{SigningSecrets: test.listed}, []string{full("whsec_0001")})
			if shown != test.shown || known != test.known {
				t.Errorf("known %t, shown %t; want %t, %t", known, shown, test.known, test.shown)
			}
		})
	}
}
