package rotation_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/cli/rotation"
	"github.com/gemhook/gemhook/internal/cli/secretstore"
	"github.com/gemhook/gemhook/shared/geminiapi"
	"github.com/gemhook/gemhook/shared/secret"
)

var start = time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)

// filling is what a secret such as "whsec_0001" lacks to be well formed.
var filling = strings.Repeat("A", 28)

func full(texts string) string  { return strings.ReplaceAll(texts, "whsec_", "whsec_"+filling) }
func short(texts string) string { return strings.ReplaceAll(texts, filling, "") }

// A fixture has a Gemini, a store and a receiver, all of which can fail. Tests write its secrets in
// short.
type fixture struct {
	t     *testing.T
	now   time.Time
	valid []geminiapi.SigningSecret // at Gemini, newest first
	texts []string                  // of those
	blind bool                      // Gemini shows no last characters of secrets
	mute  bool                      // and no times
	half  bool                      // Gemini shows the last characters only of secrets that are ending

	stored  string
	written time.Time
	writes  int

	knows  string // what the receiver has read
	reread time.Time

	writeErr, checkErr, getErr, acceptsErr error
	writeFailures                          int // before a write succeeds
	lostWrites                             int // that succeed, and whose answer is lost
	probed                                 int // how often the receiver was asked
	lostAnswers                            int // of rotations
	onStep                                 func(string)
	made                                   int
	answers                                []bool   // of the receiver, before it answers as it should
	witnessed                              []string // secrets that a delivery was awaited of
	refusedAt                              []string // steps at which a genuine delivery would be refused for good
}

func newFixture(t *testing.T) *fixture {
	s := &fixture{t: t, now: start, stored: full("whsec_0001"), knows: full("whsec_0001"), written: start.Add(-240 * time.Hour), onStep: func(string) {}}
	s.texts = []string{full("whsec_0001")}
	s.valid = []geminiapi.SigningSecret{{TruncatedSecret: "whsec_...0001"}}
	return s
}

func (s *fixture) Get(context.Context, string) (*geminiapi.Webhook, error) {
	w := &geminiapi.Webhook{ID: "w"}
	for _, listed := range s.valid {
		if !listed.ExpireTime.IsZero() && !listed.ExpireTime.After(s.now) {
			continue
		}
		if s.blind || s.half && listed.ExpireTime.IsZero() {
			listed.TruncatedSecret = ""
		}
		if s.mute {
			listed.ExpireTime = time.Time{}
		}
		w.SigningSecrets = append(w.SigningSecrets, listed)
	}
	return w, s.getErr
}

func (s *fixture) Rotate(ctx context.Context, _ string, behavior geminiapi.RevocationBehavior) (geminiapi.Secret, error) {
	if behavior != geminiapi.RevokeAfter24Hours {
		s.t.Errorf("rotation with %s", behavior)
	}
	if ctx.Err() != nil {
		return geminiapi.Secret{}, ctx.Err()
	}
	s.made++
	text := "whsec_" + strings.Repeat(string(rune('1'+s.made)), 4)
	for i := range s.valid {
		if s.valid[i].ExpireTime.IsZero() {
			s.valid[i].ExpireTime = s.now.Add(rotation.Grace)
		}
	}
	s.valid = append([]geminiapi.SigningSecret{{TruncatedSecret: "whsec_..." + text[6:]}}, s.valid...)
	text = full(text)
	s.texts = append([]string{text}, s.texts...)
	if s.lostAnswers > 0 {
		s.lostAnswers--
		return geminiapi.Secret{}, errors.New("connection lost")
	}
	return geminiapi.NewSecret(text), nil
}

// signers returns the secrets that Gemini signs with now.
func (s *fixture) signers() (texts []string) {
	for i, listed := range s.valid {
		if listed.ExpireTime.IsZero() || listed.ExpireTime.After(s.now) {
			texts = append(texts, s.texts[i])
		}
	}
	return texts
}

func (s *fixture) Read(context.Context) (secret.Text, error) {
	if s.stored == "" {
		return secret.Text{}, secretstore.ErrEmpty
	}
	return secret.NewText(s.stored), nil
}

func (s *fixture) WrittenAt(context.Context) (time.Time, error) { return s.written, nil }
func (s *fixture) CheckWritable(context.Context) error          { return s.checkErr }

func (s *fixture) Change(ctx context.Context, change func(string) (string, error)) error {
	if s.writeErr != nil || ctx.Err() != nil {
		return cmp.Or(s.writeErr, ctx.Err())
	}
	if s.writeFailures > 0 {
		s.writeFailures--
		return errors.New("out of order")
	}
	text, err := change(s.stored)
	if err != nil || text == s.stored {
		return err
	}
	s.stored, s.written = text, s.now
	s.writes++
	if s.lostWrites > 0 {
		s.lostWrites--
		return errors.New("the answer was lost")
	}
	return nil
}

// accepts reports whether the receiver accepts a secret. It reads what is stored when it does not
// know a secret, once in ten seconds at most.
func (s *fixture) accepts(_ context.Context, text string) (bool, error) {
	s.probed++
	if s.acceptsErr != nil {
		return false, s.acceptsErr
	}
	if len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		return answer, nil
	}
	if !slices.Contains(strings.Fields(s.knows), text) && s.now.Sub(s.reread) >= 10*time.Second {
		s.knows, s.reread = s.stored, s.now
	}
	return slices.Contains(strings.Fields(s.knows), text), nil
}

func (s *fixture) rotation() *rotation.Rotation {
	return rotation.New("w", rotation.Deps{
		Gemini: s, Store: s, Accepts: s.accepts,
		Witness: func(_ context.Context, secret string) error {
			s.witnessed = append(s.witnessed, secret)
			if !slices.Contains(s.signers(), secret) {
				return rotation.ErrUnproven
			}
			return nil
		},
		Now:  func() time.Time { return s.now },
		Wait: func(ctx context.Context, d time.Duration) error { s.now = s.now.Add(d); return ctx.Err() },
		Step: func(what string) {
			// Any receiver knows what is stored after one retry, so one of Gemini's signatures must
			// be by one of those secrets.
			if !slices.ContainsFunc(s.signers(), func(text string) bool { return slices.Contains(strings.Fields(s.stored), text) }) {
				s.refusedAt = append(s.refusedAt, what)
			}
			s.onStep(what)
		},
	})
}

func (s *fixture) want(err, want error, stored string) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("the error is %v, want %v", err, want)
	}
	if got := short(s.stored); got != stored {
		s.t.Errorf("stored is %q, want %q", got, stored)
	}
	if len(s.refusedAt) > 0 {
		s.t.Errorf("genuine deliveries would be refused at: %v", s.refusedAt)
	}
}
