package callgrind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNotInstalled says why nothing can be counted.
var ErrNotInstalled = errors.New("needs valgrind")

// Find returns ErrNotInstalled where Valgrind is not.
func Find() error {
	for _, tool := range []string{"valgrind", "callgrind_control"} {
		if _, err := exec.LookPath(tool); err != nil {
			return ErrNotInstalled
		}
	}
	return nil
}

// A Run is one run of a program under callgrind.
type Run struct {
	folder string
	before []string
	read   int
}

// NewRun returns a run that dumps into an empty folder before each call of those functions.
func NewRun(folder string, before []string) *Run { return &Run{folder: folder, before: before} }

// Command is the command line that runs the program.
func (r *Run) Command(program string) []string {
	command := []string{"valgrind", "--tool=callgrind", "--callgrind-out-file=" + filepath.Join(r.folder, "dump")}
	for _, function := range r.before {
		command = append(command, "--dump-before="+function)
	}
	return append(command, program)
}

// Environment is what a Go program needs to be run: callgrind does not survive the signals with which the scheduler
// interrupts goroutines. With one processor there is no spinning of threads that wait for each other.
func (r *Run) Environment() []string { return []string{"GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1"} }

// Dump has the process dump, and returns all profiles that it dumped since the last time.
func (r *Run) Dump(ctx context.Context, pid int) ([]*Profile, error) {
	output, err := exec.CommandContext(ctx, "callgrind_control", "--dump", fmt.Sprint(pid)).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("callgrind_control: %w\n%s", err, output)
	}
	var profiles []*Profile
	for {
		file, err := os.Open(filepath.Join(r.folder, fmt.Sprintf("dump.%d", r.read+1)))
		if errors.Is(err, os.ErrNotExist) {
			return profiles, nil
		}
		if err != nil {
			return nil, err
		}
		profile, err := Parse(file)
		_ = file.Close()
		if err != nil {
			return nil, err
		}
		profiles = append(profiles, profile)
		r.read++
	}
}

// Initialisers returns the names of the functions that initialise packages in a Go program.
func Initialisers(ctx context.Context, program string) ([]string, error) {
	symbols, err := exec.CommandContext(ctx, "go", "tool", "nm", program).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool nm: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(symbols)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && strings.EqualFold(fields[1], "t") && initialiser.MatchString(fields[2]) {
			names = append(names, fields[2])
		}
	}
	return names, nil
}
