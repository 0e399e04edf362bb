package callgrind_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gemhook/gemhook/internal/bench/callgrind"
)

// The cost after a calls line is the callee's, and is among its own lines already.
const dump = `# callgrind format
version: 1
desc: Trigger: --dump-before=example.com/a/b%2ev2.init.0
positions: line
events: Ir
summary: 1111

ob=(1) /program
fl=(1) proc.go
fn=(1) runtime.main
10 1
+5 100
cfn=(2) example.com/a/b%2ev2.(*T).Run
calls=3 20
* 1010
fl=(2) b.go
fn=(2)
20 10
cfn=(1)
calls=1 10
-2 9
* 1000
`

func TestParse(t *testing.T) {
	profile, err := callgrind.Parse(strings.NewReader(dump))
	if err != nil {
		t.Fatal(err)
	}
	if profile.Total != 1111 || profile.Ended != "example.com/a/b%2ev2.init.0" {
		t.Errorf("total %d, ended by %q", profile.Total, profile.Ended)
	}
	if want := map[string]int64{"runtime": 101, "example.com/a/b.v2": 1010}; !maps.Equal(profile.Self, want) {
		t.Errorf("self %v, want %v", profile.Self, want)
	}
}

func TestParseRefusesWhatIsNoNumber(t *testing.T) {
	if _, err := callgrind.Parse(strings.NewReader("fn=(1) f\n10 many\n")); err == nil {
		t.Error("no error")
	}
}

func TestInitialisations(t *testing.T) {
	profiles := []*callgrind.Profile{
		{Total: 1, Ended: "example.com/a.init"},
		{Total: 10, Ended: "example.com/a.init.0"},
		{Total: 100, Ended: "example.com/a.(*T).init"}, // a method: a goes on
		{Total: 1000, Ended: "example.com/b.init"},
		{Total: 10_000},
	}
	want := map[string]int64{"runtime": 1, "example.com/a": 1110, "example.com/b": 10_000}
	if got := callgrind.Initialisations(profiles); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLargest(t *testing.T) {
	costs := map[string]int64{"a": 1, "b": 3, "c": 2, "d": 3}
	want := []callgrind.Cost{{"b", 3}, {"d", 3}, {"c", 2}}
	if got := callgrind.Largest(costs, 3); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := callgrind.Largest(costs, 9); len(got) != 4 {
		t.Errorf("%d of 4", len(got))
	}
}

func TestInitialisers(t *testing.T) {
	program := filepath.Join(t.TempDir(), "hello")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../hellofunction")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	names, err := callgrind.Initialisers(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(names, "main.init.0") || !slices.Contains(names, "net/http.init") {
		t.Errorf("two that must be there are not among %d", len(names))
	}
	for _, name := range names {
		if strings.ContainsAny(name, "()") {
			t.Errorf("%s is a method", name)
		}
	}
}
