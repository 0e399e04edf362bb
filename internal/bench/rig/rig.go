// Package rig sets up what the benchmarks measure: the programs, built as they are deployed and run as processes of their
// own; the emulators; the signed deliveries.
package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// A Rig holds what the benchmarks share. Close ends all of it. It is safe for concurrent use.
type Rig struct {
	Root string // the repository

	folder string // for what is built

	mu       sync.Mutex
	built    map[string]string // package to program
	backends *Backends
	closers  []func()
}

// New returns a rig for the repository at root.
func New(root string) (*Rig, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "gemhook-bench-")
	if err != nil {
		return nil, err
	}
	r := &Rig{Root: absolute, folder: folder, built: map[string]string{}}
	r.closers = append(r.closers, func() { _ = os.RemoveAll(folder) })
	return r, nil
}

// Close ends the backends and removes what was built.
func (r *Rig) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
	r.closers = nil
}

// Build builds a main package of the repository, given as a path below it, and returns the program's path.
func (r *Rig) Build(ctx context.Context, folder string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if program := r.built[folder]; program != "" {
		return program, nil
	}
	program := filepath.Join(r.folder, filepath.Base(folder))
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./"+folder)
	command.Dir = r.Root
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./%s: %w\n%s", folder, err, output)
	}
	r.built[folder] = program
	return program, nil
}

// Backends starts the emulators when it is first called. Its error is emulator.ErrNotInstalled where they are not.
func (r *Rig) Backends(ctx context.Context) (*Backends, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.backends != nil {
		return r.backends, nil
	}
	var firestore, pubsub *emulator.Emulator
	starting := errgroup.Group{}
	starting.Go(func() (err error) { firestore, err = emulator.StartFirestore(ctx, nil); return err })
	starting.Go(func() (err error) { pubsub, err = emulator.StartPubSub(ctx, nil); return err })
	err := starting.Wait()
	for _, started := range []*emulator.Emulator{firestore, pubsub} {
		if started != nil {
			r.closers = append(r.closers, func() { _ = started.Stop() })
		}
	}
	if err != nil {
		return nil, err
	}
	backends, err := connect(ctx, firestore.Host(), pubsub.Host())
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, backends.close)
	r.backends = backends
	return backends, nil
}
