// Package callgrind counts the instructions of a program with Valgrind's callgrind, and says where they went.
//
// Counting is repeatable where timing is not: the same start costs the same number of instructions to within a hundredth.
package callgrind

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Profile is what was executed between two dumps.
type Profile struct {
	Ended string           // the function whose call ended it; empty: something else did
	Total int64            // instructions
	Self  map[string]int64 // of each package, without what it called
}

// A Cost is a number of instructions, and of what.
type Cost struct {
	Name         string
	Instructions int64
}

// Parse reads a dump in callgrind's format (https://valgrind.org/docs/manual/cl-format.html) with one event, Ir.
func Parse(from io.Reader) (*Profile, error) {
	p := &parser{profile: &Profile{Self: map[string]int64{}}, names: map[string]string{}}
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if err := p.line(lines.Text()); err != nil {
			return nil, fmt.Errorf("callgrind's line %q: %w", lines.Text(), err)
		}
	}
	return p.profile, lines.Err()
}

type parser struct {
	profile *Profile
	names   map[string]string // by their number in brackets
	current string            // package
	calling bool              // the next cost is that of a call
}

func (p *parser) line(line string) (err error) {
	switch {
	case line == "":
	case strings.ContainsRune("+-*0123456789", rune(line[0])):
		return p.cost(line)
	case strings.HasPrefix(line, "fn="):
		p.current = PackageOf(p.name(line[len("fn="):]))
	case strings.HasPrefix(line, "cfn="):
		p.name(line[len("cfn="):]) // it may be the first time that it is said
	case strings.HasPrefix(line, "calls="):
		p.calling = true
	case strings.HasPrefix(line, "summary: "):
		p.profile.Total, err = strconv.ParseInt(line[len("summary: "):], 10, 64)
	case strings.HasPrefix(line, dumpBefore):
		p.profile.Ended = line[len(dumpBefore):]
	}
	return err
}

const dumpBefore = "desc: Trigger: --dump-before="

// name resolves "(7) name", which is said once, and "(7)", which is that name again.
func (p *parser) name(text string) string {
	number, name, _ := strings.Cut(text, ")")
	if name != "" {
		p.names[number] = strings.TrimSpace(name)
	}
	return p.names[number]
}

func (p *parser) cost(line string) error {
	if p.calling {
		p.calling = false
		return nil
	}
	_, text, _ := strings.Cut(line, " ")
	instructions, err := strconv.ParseInt(text, 10, 64)
	p.profile.Self[p.current] += instructions
	return err
}

// initialiser is the symbol of a function that initialises a package, and not that of a method with the name init.
var initialiser = regexp.MustCompile(`^([^()\s]+)\.init(\.\d+)?$`)

// PackageOf returns the import path in a function's symbol.
func PackageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	// The linker escapes a dot in the last part of a path.
	return function[:slash] + strings.ReplaceAll(name, "%2e", ".")
}

// Initialisations adds up what each package's initialisation cost, given profiles of which each ended where the next
// package's began. What came before the first is the runtime's.
func Initialisations(profiles []*Profile) map[string]int64 {
	costs, owner := map[string]int64{}, "runtime"
	for _, p := range profiles {
		costs[owner] += p.Total
		if initialiser.MatchString(p.Ended) {
			owner = PackageOf(p.Ended)
		}
	}
	return costs
}

// Largest returns the n largest costs, largest first.
func Largest(costs map[string]int64, n int) []Cost {
	names := slices.SortedFunc(maps.Keys(costs), func(a, b string) int {
		return cmp.Or(cmp.Compare(costs[b], costs[a]), cmp.Compare(a, b))
	})
	var largest []Cost
	for _, name := range names[:min(n, len(names))] {
		largest = append(largest, Cost{Name: name, Instructions: costs[name]})
	}
	return largest
}
