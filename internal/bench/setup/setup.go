// Package setup starts what the benchmarks measure: the programs, built as they are deployed and
// run as processes of their own; the emulators; the signed deliveries.
package setup

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/gemhook/gemhook/internal/testkit/emulator"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// A Setup is what the benchmarks share. Close ends all of it. It is safe for concurrent use.
type Setup struct {
	Root string // the repository

	folder string // for what is built

	mu       sync.Mutex
	built    map[string]string // package to program
	backends *Backends
	closers  []func()
}

// New returns a setup for the repository at root.
func New(root string) (*Setup, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "gemhook-bench-")
	if err != nil {
		return nil, err
	}
	r := &Setup{Root: absolute, folder: folder, built: map[string]string{}}
	r.closers = append(r.closers, func() { _ = os.RemoveAll(folder) })
	return r, nil
}

// Close ends the backends and removes what was built.
func (r *Setup) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
	r.closers = nil
}

// Build builds a main package of the repository, given as a path below it, and returns the
// program's path.
func (r *Setup) Build(ctx context.Context, folder string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if program := r.built[folder]; program != "" {
		return program, nil
	}
	program := filepath.Join(r.folder, filepath.Base(folder))
	if err := process.Build(ctx, r.Root, "./"+folder, program); err != nil {
		return "", err
	}
	r.built[folder] = program
	return program, nil
}

// Backends starts the emulators when it is first called. Its error is emulator.ErrNotInstalled
// where they are not.
func (r *Setup) Backends(ctx context.Context) (*Backends, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.backends != nil {
		return r.backends, nil
	}
	firestore, pubsub, err := emulator.StartBoth(ctx, nil)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, func() { _, _ = firestore.Stop(), pubsub.Stop() })
	backends, err := connect(ctx, firestore.Host(), pubsub.Host())
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, backends.close)
	r.backends = backends
	return backends, nil
}
