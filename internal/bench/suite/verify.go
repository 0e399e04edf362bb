package suite

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// A batch does one thing n times.
type batch func(n int) error

// How many batches of each side a round has, and about how long one takes. The sides take turns in
// short batches, so that what else the machine does slows both.
const (
	batchesInRound = 100
	batchTime      = time.Millisecond
)

// sides are the measurements of one round, by side, in their order.
type sides [][]float64

// measureInTurn times the batches in turn and returns, of each round, the nanoseconds for one.
func (r *run) measureInTurn(ctx context.Context, batches ...batch) ([]sides, error) {
	sizes := make([]int, len(batches))
	for i, batch := range batches {
		var err error
		if sizes[i], err = batchSize(batch); err != nil {
			return nil, err
		}
	}
	var rounds []sides
	for round := range r.Rounds {
		r.round(round)
		times := make(sides, len(batches))
		var turns []func() error
		for i, batch := range batches {
			turns = append(turns, func() error {
				begin := time.Now()
				err := batch(sizes[i])
				times[i] = append(times[i], float64(time.Since(begin))/float64(sizes[i]))
				return err
			})
		}
		for turn := range r.scaled(batchesInRound) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err := alternate(turn, turns...); err != nil {
				return nil, err
			}
		}
		rounds = append(rounds, times)
	}
	return rounds, nil
}

// batchSize finds how many of a batch take about batchTime.
func batchSize(do batch) (int, error) {
	for n := 1; ; n *= 2 {
		begin := time.Now()
		if err := do(n); err != nil {
			return 0, err
		}
		if time.Since(begin) > batchTime/2 {
			return n, nil
		}
	}
}

// paired are the rounds of two of the sides.
func paired(rounds []sides, figure, reference int) []report.Round {
	var pairs []report.Round
	for _, round := range rounds {
		pairs = append(pairs, report.Paired(round[figure], round[reference]))
	}
	return pairs
}

type verifier interface {
	Verify(context.Context, http.Header, []byte) (webhook.Delivery, error)
}

func verifying(ctx context.Context, v verifier, d standin.Delivery) batch {
	return func(n int) error {
		for range n {
			if _, err := v.Verify(ctx, d.Header, d.Body); err != nil {
				return err
			}
		}
		return nil
	}
}

func (r *run) verifyV1(ctx context.Context) ([]*report.Row, error) {
	secrets, err := webhook.ParseSecrets(r.sender.Secret())
	if err != nil {
		return nil, err
	}
	d, err := r.sender.Delivery()
	if err != nil {
		return nil, err
	}
	library, err := standardwebhooks.NewWebhook(r.sender.Secret())
	if err != nil {
		return nil, err
	}
	ours := verifying(ctx, webhook.NewStatic(webhook.Fixed(secrets), nil), d)
	theirs := func(n int) error {
		for range n {
			if err := library.Verify(d.Body, d.Header); err != nil {
				return err
			}
		}
		return nil
	}
	reused, fresh, err := hashing(r.sender.Secret(), d)
	if err != nil {
		return nil, err
	}
	rounds, err := r.measureInTurn(ctx, ours, theirs, reused, fresh)
	if err != nil {
		return nil, err
	}
	allocations := report.Round{Figure: allocated(ours), Reference: allocated(theirs)}
	const figure = "verify a v1 delivery"
	return []*report.Row{
		{
			Figure: figure, Reference: "standard-webhooks for Go",
			Rounds: paired(rounds, 0, 1), Mark: report.AtMost(0.35),
		},
		{
			Figure: figure, Reference: "HMAC-SHA256 alone, new each time",
			Rounds: paired(rounds, 0, 3), Mark: report.AtMost(1.5),
			Note: "HMAC-SHA256 alone is of the same bytes in one piece: with a new hash for each delivery, as in a " +
				"verifier without state; and, as the least that is possible, with one that is reset and reused.",
		},
		{
			Figure: figure, Reference: "HMAC-SHA256 alone, reused",
			Rounds: paired(rounds, 0, 2), Mark: report.AtMost(1.5),
		},
		{
			Figure: "allocations of that", Reference: "standard-webhooks for Go", Unit: report.Count,
			Rounds: []report.Round{allocations}, Mark: report.FigureAtMost(1),
		},
	}, nil
}

// hashing computes the HMAC of what a delivery signs, and nothing else: with one hash for all, and
// with one for each.
func hashing(secret string, d standin.Delivery) (reused, fresh batch, err error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, standin.SecretPrefix))
	if err != nil {
		return nil, nil, err
	}
	content, sum := signedContent(d), make([]byte, 0, sha256.Size)
	of := func(next func() hash.Hash) batch {
		return func(n int) error {
			for range n {
				h := next()
				h.Write(content)
				sum = h.Sum(sum[:0])
			}
			return nil
		}
	}
	one := hmac.New(sha256.New, key)
	reused = of(func() hash.Hash { one.Reset(); return one })
	fresh = of(func() hash.Hash { return hmac.New(sha256.New, key) })
	return reused, fresh, nil
}

func signedContent(d standin.Delivery) []byte {
	return []byte(d.Header.Get(webhook.HeaderID) + "." + d.Header.Get(webhook.HeaderTimestamp) + "." + string(d.Body))
}

// allocated is how many allocations one of a batch makes.
func allocated(b batch) float64 {
	return testing.AllocsPerRun(100, func() { _ = b(1) })
}

// verifyV1a measures the most expensive case: the signature is of the last key that is tried.
func (r *run) verifyV1a(ctx context.Context) ([]*report.Row, error) {
	const keys = 3
	var signing standin.Keys
	var set webhook.KeySet
	for range keys {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		signing.Ed25519 = append(signing.Ed25519, standin.Ed25519Key{Private: private})
		set.Ed25519 = append(set.Ed25519, public)
	}
	unsigned, err := r.sender.Delivery()
	if err != nil {
		return nil, err
	}
	d, err := signing.SignV1a(unsigned, keys-1)
	if err != nil {
		return nil, err
	}
	_, encoded, _ := strings.Cut(d.Header.Get(webhook.HeaderSignature), ",")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	content := signedContent(d)
	alone := func(n int) error {
		for range n {
			matched := false
			for _, key := range set.Ed25519 {
				matched = ed25519.Verify(key, content, signature)
			}
			if !matched {
				return errors.New("the last key did not make the signature")
			}
		}
		return nil
	}
	rounds, err := r.measureInTurn(ctx, verifying(ctx, webhook.NewDynamic(webhook.Fixed(set), nil), d), alone)
	if err != nil {
		return nil, err
	}
	return []*report.Row{{
		Figure: "verify a v1a delivery, last of 3 keys", Reference: "3 × ed25519.Verify",
		Rounds: paired(rounds, 0, 1), Mark: report.AtMost(1.05),
	}}, nil
}
