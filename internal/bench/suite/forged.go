package suite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/bench/load"
	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
	"github.com/gemhook/gemhook/shared/webhook"
)

// How much is measured in a round.
const (
	forgedRequests    = 10_000 // in a slice, to the receiver
	forgedSlices      = 4      // of each side
	forgedConnections = 16
)

// cookbook is the function that Google's own guide for Gemini's webhooks has.
const cookbook = "the cookbook's Node function"

// target is a process that refuses forged requests, each with the same status.
type target struct {
	process *setup.Process
	status  int
}

// send sends it the same request n times and returns how long that took. The connections are new:
// Node's server closes those that have rested for a while.
func (t *target) send(ctx context.Context, n, status int, request []byte) (time.Duration, error) {
	pool, err := load.DialPool(ctx, t.process.Address, forgedConnections)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	return pool.Send(ctx, n, status, func(int) []byte { return request })
}

// forged measures how fast a flood of forged requests is refused.
func (r *run) forged(ctx context.Context) ([]*report.Row, error) {
	targets, err := r.targets(ctx)
	for _, t := range targets {
		defer t.process.Stop()
	}
	const figure = "forged requests refused, one process"
	if errors.Is(err, setup.ErrNoNode) {
		return []*report.Row{{Figure: figure, Reference: cookbook, LeftOut: err.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	rates := make([]sides, r.Rounds)
	for round := range r.Rounds {
		r.round(round)
		request, err := r.forge()
		if err != nil {
			return nil, err
		}
		if rates[round], err = r.flood(ctx, round, targets, request); err != nil {
			return nil, err
		}
	}
	return []*report.Row{
		{
			Figure: figure, Reference: cookbook, Unit: report.PerSecond,
			Rounds: paired(rates, 0, 1), Mark: report.AtLeast(8),
			Note: "The cookbook's function prints the headers and the body of every request, here to nowhere; the second figure is without that.",
		},
		{
			Figure: figure, Reference: "that function, not printing", Unit: report.PerSecond,
			Rounds: paired(rates, 0, 2),
		},
	}, nil
}

// targets starts the receiver and both forms of the Node function.
func (r *run) targets(ctx context.Context) ([]*target, error) {
	backends, err := r.Backends(ctx)
	if err != nil {
		return nil, err
	}
	receiver, err := r.Receiver(ctx, backends, r.sender)
	if err != nil {
		return nil, err
	}
	node, err := r.Node(ctx, r.sender, false)
	if err != nil {
		return nil, err
	}
	quiet, err := r.Node(ctx, r.sender, true)
	if err != nil {
		return nil, err
	}
	var targets []*target
	for _, start := range []struct {
		program setup.Program
		status  int
	}{{receiver, http.StatusUnauthorized}, {node, http.StatusBadRequest}, {quiet, http.StatusBadRequest}} {
		process, err := setup.StartUp(ctx, start.program)
		if err != nil {
			return targets, err
		}
		t := &target{process: process, status: start.status}
		targets = append(targets, t)
		// A target that refuses genuine deliveries as well would be no reference.
		genuine, err := r.sender.Request()
		if err != nil {
			return targets, err
		}
		if _, err := t.send(ctx, 1, http.StatusOK, genuine); err != nil {
			return targets, fmt.Errorf("a genuine delivery: %w", err)
		}
		forged, err := r.forge()
		if err != nil {
			return targets, err
		}
		if _, err := t.send(ctx, r.scaled(forgedRequests)/4, t.status, forged); err != nil {
			return targets, err
		}
	}
	return targets, nil
}

// forge returns a request that is valid but for its signature.
func (r *run) forge() ([]byte, error) {
	d, err := r.sender.Delivery()
	if err != nil {
		return nil, err
	}
	d.Header.Set(webhook.HeaderSignature, "v1,"+strings.Repeat("A", 43)+"=")
	return load.Serialise("/", d.Header, d.Body), nil
}

// flood sends the request over and over to the targets in turn and returns how many a second each
// refused, slice by slice. The Node function gets fewer, so that it takes about as long.
func (r *run) flood(ctx context.Context, round int, targets []*target, request []byte) (sides, error) {
	rates := make(sides, len(targets))
	var turns []func() error
	for i, t := range targets {
		n := r.scaled(forgedRequests)
		if i > 0 {
			n /= 8
		}
		turns = append(turns, func() error {
			took, err := t.send(ctx, n, t.status, request)
			rates[i] = append(rates[i], rate(n, took))
			return err
		})
	}
	for slice := range forgedSlices {
		if err := alternate(round+slice, turns...); err != nil {
			return nil, err
		}
	}
	return rates, nil
}
