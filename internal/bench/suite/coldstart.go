package suite

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/gemhook/gemhook/internal/bench/callgrind"
	"github.com/gemhook/gemhook/internal/bench/load"
	"github.com/gemhook/gemhook/internal/bench/report"
	"github.com/gemhook/gemhook/internal/bench/rig"
)

// appInit is where gemhook's own start begins: everything before initialises packages.
const appInit = "github.com/gemhook/gemhook/functions/receive/cloudfunction.init.0"

// coldParts are the instructions of one cold start, and the packages that had most of each part.
type coldParts struct {
	packages, clients, first, collection int64
	packagesOf, clientsOf, firstOf       []callgrind.Cost
}

// coldStart counts the instructions of a start, by part.
func (r *run) coldStart(ctx context.Context) ([]*report.Row, error) {
	const figure = "cold start, instructions"
	if err := callgrind.Find(); err != nil {
		return []*report.Row{{Figure: figure, LeftOut: err.Error()}}, nil
	}
	backends, err := r.Backends(ctx)
	if err != nil {
		return nil, err
	}
	program, err := r.Receiver(ctx, backends, r.sender)
	if err != nil {
		return nil, err
	}
	rows := []*report.Row{
		{Figure: figure + ": packages", Unit: report.Instructions},
		{Figure: figure + ": clients", Unit: report.Instructions},
		{Figure: figure + ": first call", Unit: report.Instructions},
		{Figure: figure + ": collection", Unit: report.Instructions},
	}
	for round := range r.Rounds {
		r.round(round)
		parts, err := r.countStart(ctx, program)
		if err != nil {
			return nil, err
		}
		for i, count := range []int64{parts.packages, parts.clients, parts.first, parts.collection} {
			rows[i].Rounds = append(rows[i].Rounds, report.Round{Figure: float64(count)})
		}
		rows[0].Note = "Cold start: counted by callgrind from exec on, with the garbage collector off and its work counted apart. " +
			"Most in the initialisation of packages: " + named(parts.packagesOf) +
			"; in configuration and clients, up to the answer to GET /: " + named(parts.clientsOf) +
			"; in the first delivery: " + named(parts.firstOf) + "."
	}
	return rows, nil
}

func named(costs []callgrind.Cost) string {
	var texts []string
	for _, cost := range costs {
		name := strings.TrimPrefix(cost.Name, "github.com/gemhook/gemhook/")
		texts = append(texts, name+" "+report.Instructions.Format(float64(cost.Instructions)))
	}
	return strings.Join(texts, ", ")
}

func (r *run) countStart(ctx context.Context, program rig.Program) (*coldParts, error) {
	initialisers, err := callgrind.Initialisers(ctx, program.Arguments[0])
	if err != nil {
		return nil, err
	}
	started, delivered, err := r.counted(ctx, program, initialisers, "GOGC=off")
	if err != nil {
		return nil, err
	}
	const largest = 3
	parts := &coldParts{}
	packages, clients := split(started)
	inits := callgrind.Initialisations(packages)
	parts.packages, parts.packagesOf = total(packages), callgrind.Largest(inits, largest)
	parts.clients, parts.clientsOf = total(clients), callgrind.Largest(self(clients), largest)
	parts.first, parts.firstOf = total(delivered), callgrind.Largest(self(delivered), largest)

	started, delivered, err = r.counted(ctx, program, nil)
	if err != nil {
		return nil, err
	}
	// Two starts differ by a little where nothing is collected.
	parts.collection = max(0, total(started)+total(delivered)-parts.packages-parts.clients-parts.first)
	return parts, nil
}

// counted starts the program under callgrind and sends it GET / and one delivery. It returns what was counted up to the
// first answer, and what from there to the second.
func (r *run) counted(ctx context.Context, program rig.Program, before []string, env ...string) (started, delivered []*callgrind.Profile, err error) {
	folder, err := os.MkdirTemp("", "gemhook-bench-callgrind-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(folder)
	counting := callgrind.NewRun(folder, before)
	process, err := rig.StartUp(ctx, rig.Program{
		Arguments:   counting.Command(program.Arguments[0]),
		Environment: append(append(counting.Environment(), program.Environment...), env...),
	})
	if err != nil {
		return nil, nil, err
	}
	defer process.Stop()
	if err := process.Rest(ctx); err != nil {
		return nil, nil, err
	}
	if started, err = counting.Dump(ctx, process.PID()); err != nil {
		return nil, nil, err
	}
	request, err := r.sender.Request()
	if err != nil {
		return nil, nil, err
	}
	conn, err := load.Dial(ctx, process.Address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if _, err := (load.Pool{conn}).Send(ctx, 1, http.StatusOK, func(int) []byte { return request }); err != nil {
		return nil, nil, err
	}
	delivered, err = counting.Dump(ctx, process.PID())
	return started, delivered, err
}

// split parts the profiles of a start where gemhook's own begins.
func split(started []*callgrind.Profile) (packages, clients []*callgrind.Profile) {
	for i, p := range started {
		if p.Ended == appInit {
			return started[:i+1], started[i+1:]
		}
	}
	return started, nil
}

func total(profiles []*callgrind.Profile) (sum int64) {
	for _, p := range profiles {
		sum += p.Total
	}
	return sum
}

func self(profiles []*callgrind.Profile) map[string]int64 {
	sums := map[string]int64{}
	for _, p := range profiles {
		for name, instructions := range p.Self {
			sums[name] += instructions
		}
	}
	return sums
}
