package interleavings_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/interleavings"
	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/once"
	"github.com/gemhook/gemhook/shared/topic"
)

// TestEveryDefectIsCaught breaks one rule at a time, and wants to see which guarantee that costs.
func TestEveryDefectIsCaught(t *testing.T) {
	for name, test := range map[string]struct {
		defect     *interleavings.Defect
		deliveries int // 0: two
		finishes   int
		faults     int
		skew       time.Duration
		transit    time.Duration
		lease      time.Duration // 0: the least
		costs      interleavings.Guarantee
	}{
		"no lease": {
			defect: store(func(m *memoryledger.Store) ledger.Store { return leaseless{m} }),
			costs:  interleavings.G3,
		},
		"no compare-and-set": {
			defect: store(func(m *memoryledger.Store) ledger.Store { return blind{m} }),
			faults: 1, costs: interleavings.G2,
		},
		"no compare-and-set, two take over": {
			defect:     store(func(m *memoryledger.Store) ledger.Store { return blind{m} }),
			deliveries: 3, costs: interleavings.G3,
		},
		"no lease, and finish takes over": {
			defect:     store(func(m *memoryledger.Store) ledger.Store { return leaseless{m} }),
			deliveries: 1, finishes: 1, costs: interleavings.G3,
		},
		"no compare-and-set, and finish takes over": {
			defect:     store(func(m *memoryledger.Store) ledger.Store { return blind{m} }),
			deliveries: 1, finishes: 2, costs: interleavings.G3,
		},
		"create overwrites": {
			defect: store(func(m *memoryledger.Store) ledger.Store { return overwriting{m} }),
			costs:  interleavings.G4,
		},
		"settle before publish": {
			defect: books(func(l once.Ledger) once.Ledger { return hasty{l} }),
			faults: 1, costs: interleavings.G1,
		},
		"acknowledge on AlreadyExists": {
			defect: books(func(l once.Ledger) once.Ledger { return trusting{l} }),
			costs:  interleavings.G1,
		},
		"never settle": {
			defect: books(func(l once.Ledger) once.Ledger { return forgetful{l} }),
			costs:  interleavings.G4Reason,
		},
		"release after an unsure publish": {
			defect: publisher(func(p once.Publisher) once.Publisher { return sure{p} }),
			faults: 1, costs: interleavings.G4,
		},
		"keep the claim after a refused publish": {
			defect: store(func(m *memoryledger.Store) ledger.Store { return eternal{m} }),
			faults: 1, costs: interleavings.Liveness,
		},
		"publish again after a lost answer": {
			defect: publisher(func(p once.Publisher) once.Publisher { return persistent{p} }),
			faults: 1, costs: interleavings.G4,
		},
		"unmarked take-over": {
			defect: books(func(l once.Ledger) once.Ledger { return unmarking{l} }),
			faults: 1, costs: interleavings.G4,
		},
		"mark forgotten by the second take-over": {
			defect: store(func(m *memoryledger.Store) ledger.Store { return unremembering{m} }),
			faults: 2, costs: interleavings.G4,
		},
		"publish without the margin for clocks": {
			lease: tightLease, defect: books(func(l once.Ledger) once.Ledger { return lingering{l, ledger.MaxClockSkew} }),
			skew: ledger.MaxClockSkew, transit: ledger.MaxTransit, faults: 1, costs: interleavings.G3,
		},
		"publish without the margin for late bytes": {
			lease: tightLease, defect: books(func(l once.Ledger) once.Ledger { return lingering{l, ledger.MaxTransit} }),
			skew: ledger.MaxClockSkew, transit: ledger.MaxTransit, faults: 1, costs: interleavings.G3,
		},
		"clocks further apart than allowed": {
			lease: tightLease, skew: ledger.MaxClockSkew + time.Second, transit: ledger.MaxTransit, faults: 1, costs: interleavings.G3,
		},
		"bytes later than allowed": {
			lease: tightLease, skew: ledger.MaxClockSkew, transit: ledger.MaxTransit + time.Second, faults: 1, costs: interleavings.G3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := interleavings.Run(t, interleavings.Settings{
				Deliveries: cmp.Or(test.deliveries, 2), Finishes: test.finishes, Faults: test.faults, Lease: cmp.Or(test.lease, ledger.MinLease), Skew: test.skew, Transit: test.transit,
				Broken: test.defect, Want: test.costs,
			})
			violation := report.Violations[test.costs]
			if violation == nil {
				t.Fatalf("%s, and no violation of %s", report, test.costs)
			}
			t.Logf("%s\n%s", report, violation)
		})
	}
}

func store(f func(*memoryledger.Store) ledger.Store) *interleavings.Defect {
	return &interleavings.Defect{Store: f}
}

func books(f func(once.Ledger) once.Ledger) *interleavings.Defect {
	return &interleavings.Defect{Ledger: f}
}

func publisher(f func(once.Publisher) once.Publisher) *interleavings.Defect {
	return &interleavings.Defect{Publisher: f}
}

// leaseless shows every claim as one whose lease is over.
type leaseless struct{ *memoryledger.Store }

func (s leaseless) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	document, version, err := s.Store.Read(ctx, key)
	if err == nil {
		document.LeaseExpiresAt = time.Time{}
	}
	return document, version, err
}

// eternal shows every claim, released ones included, as one whose lease goes on.
type eternal struct{ *memoryledger.Store }

func (s eternal) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	document, version, err := s.Store.Read(ctx, key)
	if err == nil && (document.State == ledger.Claimed || document.State == ledger.Released) {
		document.State, document.LeaseExpiresAt = ledger.Claimed, time.Now().Add(time.Minute)
	}
	return document, version, err
}

// blind writes whatever the document has become.
type blind struct{ *memoryledger.Store }

func (s blind) Replace(ctx context.Context, key ledger.Key, _ ledger.Version, document *ledger.Document) (ledger.Version, error) {
	_, current, err := s.Read(ctx, key)
	if err != nil {
		return ledger.Version{}, err
	}
	return s.Store.Replace(ctx, key, current, document)
}

func (s blind) Finish(ctx context.Context, key ledger.Key, _ ledger.Version, outcome ledger.Outcome) error {
	_, current, err := s.Read(ctx, key)
	if err != nil {
		return err
	}
	return s.Store.Finish(ctx, key, current, outcome)
}

// overwriting creates what is there already.
type overwriting struct{ *memoryledger.Store }

func (s overwriting) Create(ctx context.Context, key ledger.Key, document *ledger.Document) (ledger.Version, error) {
	version, err := s.Store.Create(ctx, key, document)
	if errors.Is(err, ledger.ErrExists) {
		return blind(s).Replace(ctx, key, version, document)
	}
	return version, err
}

// unremembering loses the mark of a released claim.
type unremembering struct{ *memoryledger.Store }

func (s unremembering) Read(ctx context.Context, key ledger.Key) (*ledger.Document, ledger.Version, error) {
	document, version, err := s.Store.Read(ctx, key)
	if err == nil && document.State == ledger.Released {
		delete(document.Attributes, ledger.RedeliveredAttribute)
	}
	return document, version, err
}

// hasty settles what it claims.
type hasty struct{ once.Ledger }

func (l hasty) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	result, err := l.Ledger.Claim(ctx, message)
	if err == nil && result.Standing == ledger.Mine {
		err = l.Ledger.Settle(ctx, result.Claim, "soon")
	}
	return result, err
}

func (hasty) Settle(context.Context, *ledger.Claim, string) error { return nil }

// trusting takes a delivery that somebody holds for one that is done.
type trusting struct{ once.Ledger }

func (l trusting) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	result, err := l.Ledger.Claim(ctx, message)
	if result.Standing == ledger.InFlight {
		result = ledger.ClaimResult{Standing: ledger.Settled, State: ledger.Published}
	}
	return result, err
}

// forgetful acknowledges and writes nothing down.
type forgetful struct{ once.Ledger }

func (forgetful) Settle(context.Context, *ledger.Claim, string) error { return nil }

// unmarking publishes what it takes over as if it were the first.
type unmarking struct{ once.Ledger }

func (l unmarking) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	result, err := l.Ledger.Claim(ctx, message)
	if err == nil && result.Standing == ledger.Mine {
		claim := result.Claim
		claim.Attributes = maps.Clone(claim.Attributes)
		delete(claim.Attributes, ledger.RedeliveredAttribute)
	}
	return result, err
}

// lingering publishes for longer than a claim allows.
type lingering struct {
	once.Ledger
	by time.Duration
}

func (l lingering) Claim(ctx context.Context, message ledger.Message) (ledger.ClaimResult, error) {
	result, err := l.Ledger.Claim(ctx, message)
	if err == nil && result.Standing == ledger.Mine {
		result.Claim.PublishBy = result.Claim.PublishBy.Add(l.by)
	}
	return result, err
}

// sure reports that every publish without an answer has published nothing.
type sure struct{ once.Publisher }

func (p sure) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	id, err := p.Publisher.Publish(ctx, topicID, data, attributes)
	if err != nil {
		err = fmt.Errorf("%w: %w", topic.ErrNotPublished, err)
	}
	return id, err
}

// persistent publishes again what it has no answer for.
type persistent struct{ once.Publisher }

func (p persistent) Publish(ctx context.Context, topicID string, data []byte, attributes map[string]string) (string, error) {
	id, err := p.Publisher.Publish(ctx, topicID, data, attributes)
	if err != nil && !errors.Is(err, topic.ErrNotPublished) {
		return p.Publisher.Publish(ctx, topicID, data, attributes)
	}
	return id, err
}
