package interleavings

import (
	"context"
	"maps"
	"time"

	"github.com/gemhook/gemhook/shared/ledger"
)

// stepTime is how long each step of a take-over may last.
const stepTime = 2 * time.Second

// A kind is what a delivery is. Those of one kind are alike, so they begin in their order.
type kind string

// The kinds.
const (
	request kind = "request" // of Gemini's
	finish  kind = "finish"
	replay  kind = "replay"
)

// newTakeOver returns what takes a delivery over without a request, as reconcile's finish and
// "gemhook replay" do: by the ledger, whenever it allows. Finish waits longer than the ledger asks
// for, so this covers more than it can do. A replay claims its own copy of the message, with the
// mark.
func (w *execution) newTakeOver(of kind) *delivery {
	d := w.newDelivery(string(of), 0)
	d.kind = of
	d.takeOver = func() {
		result, err := d.claimLeft()
		if err != nil || result.Standing != ledger.Mine {
			return
		}
		by := time.Now().Add(stepTime)
		if id, err := d.outlet.Publish(context.Background(), result.Claim, by, by.Add(stepTime)); err == nil {
			_ = d.outlet.Settle(context.Background(), result.Claim, id, time.Now().Add(stepTime))
		}
	}
	return d
}

// claimLeft claims what a delivery has left.
func (d *delivery) claimLeft() (ledger.ClaimResult, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTime)
	defer cancel()
	if d.kind == finish {
		return d.ledger.Resume(ctx, key)
	}
	document, _, err := gatedStore{d}.Read(ctx, key)
	if err != nil || document.State.Settled() {
		return ledger.ClaimResult{Standing: ledger.Settled}, err
	}
	message := document.Message(key)
	message.Attributes = maps.Clone(message.Attributes)
	message.Attributes[ledger.RedeliveredAttribute] = "true"
	return d.outlet.Ledger.Claim(ctx, message)
}
