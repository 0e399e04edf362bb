package suite

import (
	"context"
	"errors"
	"time"

	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/setup"
)

// starts is how many starts of each program a round has.
const starts = 20

// start measures from exec to the first answer, to GET /.
func (r *run) start(ctx context.Context) ([]*report.Row, error) {
	backends, err := r.Backends(ctx)
	if err != nil {
		return nil, err
	}
	receiver, err := r.Receiver(ctx, backends, r.sender)
	if err != nil {
		return nil, err
	}
	hello, err := r.Hello(ctx)
	if err != nil {
		return nil, err
	}
	programs := []setup.Program{receiver, hello}
	node, nodeErr := r.Node(ctx, r.sender, false)
	if nodeErr == nil {
		programs = append(programs, node)
	} else if !errors.Is(nodeErr, setup.ErrNoNode) {
		return nil, nodeErr
	}
	rounds, err := r.startAll(ctx, programs)
	if err != nil {
		return nil, err
	}
	const figure = "exec to first answer, GET /"
	besideHello := &report.Row{
		Figure: figure, Reference: "hello-world, Functions Framework",
		Rounds: paired(rounds, 0, 1), Mark: report.AtMost(2.5),
	}
	besideNode := &report.Row{Figure: figure, Reference: cookbook, Mark: report.AtMost(0.25)}
	if nodeErr != nil {
		besideNode.LeftOut = nodeErr.Error()
	} else {
		besideNode.Rounds = paired(rounds, 0, 2)
	}
	return []*report.Row{besideNode, besideHello}, nil
}

// startAll starts the programs in turn and returns, of each round, the nanoseconds to the first
// answer.
func (r *run) startAll(ctx context.Context, programs []setup.Program) ([]sides, error) {
	var rounds []sides
	for round := -1; round < r.Rounds; round++ { // one more before the first, to have everything read from disk
		times := make(sides, len(programs))
		var turns []func() error
		for i, program := range programs {
			turns = append(turns, func() error {
				took, err := firstAnswer(ctx, program, setup.Get())
				times[i] = append(times[i], float64(took))
				return err
			})
		}
		n := 1
		if round >= 0 {
			r.round(round)
			n = r.scaled(starts)
		}
		for turn := range n {
			if err := alternate(turn, turns...); err != nil {
				return nil, err
			}
		}
		if round >= 0 {
			rounds = append(rounds, times)
		}
	}
	return rounds, nil
}

func firstAnswer(ctx context.Context, program setup.Program, request []byte) (time.Duration, error) {
	p, err := setup.Start(ctx, program)
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	return p.First(ctx, request, 200)
}

// firstDelivery measures from exec to the answer of the first delivery, with nothing asked before.
func (r *run) firstDelivery(ctx context.Context) ([]*report.Row, error) {
	backends, err := r.Backends(ctx)
	if err != nil {
		return nil, err
	}
	receiver, err := r.Receiver(ctx, backends, r.sender)
	if err != nil {
		return nil, err
	}
	var rounds, without []report.Round
	for round := range r.Rounds {
		r.round(round)
		var delivered, calls []float64
		for turn := range r.scaled(starts) {
			request, err := r.sender.Request()
			if err != nil {
				return nil, err
			}
			prepared, err := r.sender.Prepare(ctx)
			if err != nil {
				return nil, err
			}
			err = alternate(turn, func() error {
				took, err := firstAnswer(ctx, receiver, request)
				delivered = append(delivered, float64(took))
				return err
			}, func() error {
				begin := time.Now()
				err := backends.Raw(ctx, prepared)
				calls = append(calls, float64(time.Since(begin)))
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		whole, three := report.Median(delivered), report.Median(calls)
		rounds = append(rounds, report.Round{Figure: whole})
		without = append(without, report.Round{Figure: whole - three})
	}
	return []*report.Row{
		{Figure: "exec to first accepted delivery", Rounds: rounds},
		{
			Figure: "the same without its 3 calls", Rounds: without,
			Note: "The 3 calls of a first delivery are assumed to take as long as the same made directly, by clients that are connected.",
		},
	}, nil
}
