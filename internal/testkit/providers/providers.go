// Package providers keeps Terraform's providers running from one command to the next.
//
// Terraform starts each provider again for every step of every run of a test, and a large provider
// takes a second to know its resources. A provider that is named in TF_REATTACH_PROVIDERS is used
// as it runs. What a test sees is the same: a provider keeps nothing between two runs that mock it.
package providers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

// Running are providers that have been started.
type Running struct {
	sockets   string
	processes []*process.Process
	attach    map[string]attachment
}

// attachment is how Terraform reaches a provider.
type attachment struct {
	Protocol        string
	ProtocolVersion int
	PID             int  `json:"Pid"`
	KeepRunning     bool `json:"Test"`
	Addr            struct{ Network, String string }
}

// Start starts the providers that "terraform init" has installed in folders, each once. They run
// until Stop is called or ctx ends.
func Start(ctx context.Context, folders ...string) (*Running, error) {
	sockets, err := os.MkdirTemp("", "providers")
	if err != nil {
		return nil, err
	}
	r := &Running{sockets: sockets, attach: map[string]attachment{}}
	for _, folder := range folders {
		// HOST/NAMESPACE/TYPE/VERSION/PLATFORM/terraform-provider-…
		installed, err := filepath.Glob(filepath.Join(folder, ".terraform", "providers", "*", "*", "*", "*", "*", "terraform-provider-*"))
		if err != nil {
			return nil, errors.Join(err, r.Stop())
		}
		for _, program := range installed {
			parts := strings.Split(filepath.ToSlash(program), "/")
			address := strings.Join(parts[len(parts)-6:len(parts)-3], "/")
			if _, started := r.attach[address]; started {
				continue
			}
			if err := r.start(ctx, address, program); err != nil {
				return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), r.Stop())
			}
		}
	}
	return r, nil
}

// start starts one provider as Terraform would, and reads from its first line where it listens.
func (r *Running) start(ctx context.Context, address, program string) error {
	stdout, output := io.Pipe()
	command := exec.Command(program)
	command.Stdout = output
	// With the cookie a plugin knows that it was not started by hand. With its own folder of
	// temporary files it leaves no socket behind.
	command.Env = append(os.Environ(), "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=5,6", "TMPDIR="+r.sockets)
	started, err := process.StartGroup(ctx, command)
	if err != nil {
		return err
	}
	r.processes = append(r.processes, started)
	go func() {
		<-started.Done()
		_ = output.Close()
	}()

	lines := bufio.NewReader(stdout)
	first, err := lines.ReadString('\n')
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	// CORE-VERSION|PROTOCOL-VERSION|NETWORK|ADDRESS|PROTOCOL|…
	fields := strings.Split(strings.TrimSpace(first), "|")
	if err != nil || len(fields) < 5 {
		return fmt.Errorf("no address in %q: %v", first, err)
	}
	a := attachment{Protocol: fields[4], PID: started.PID(), KeepRunning: true}
	a.Addr.Network, a.Addr.String = fields[2], fields[3]
	if a.ProtocolVersion, err = strconv.Atoi(fields[1]); err != nil {
		return err
	}
	r.attach[address] = a
	return nil
}

// Environment returns the variable by which terraform finds the providers, as NAME=VALUE.
func (r *Running) Environment() string {
	text, err := json.Marshal(r.attach)
	if err != nil {
		panic(err) // strings and numbers
	}
	return "TF_REATTACH_PROVIDERS=" + string(text)
}

// Stop ends the providers, which have nothing to save. It fails if one had ended before, and names
// it.
func (r *Running) Stop() error {
	var failed []error
	for _, p := range r.processes {
		failed = append(failed, p.Stop())
	}
	return errors.Join(append(failed, os.RemoveAll(r.sockets))...)
}
