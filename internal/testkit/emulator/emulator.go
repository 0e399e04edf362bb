// Package emulator starts and stops Google's Firestore and Pub/Sub emulators, for tests and for
// programs that developers run.
//
//	firestore, err := emulator.StartFirestore(ctx, nil)
//	if err != nil {
//		return err
//	}
//	defer firestore.Stop()
//	os.Setenv("FIRESTORE_EMULATOR_HOST", firestore.Host())
//
// The emulators are parts of the Google Cloud CLI and need a Java runtime. Where they are missing,
// the error is [ErrNotInstalled] and says what to install. Each emulator keeps its data in memory
// and begins empty.
//
// # No process is left behind
//
// An emulator runs in a process group of its own, so an interrupt typed at the terminal does not
// reach it before its owner has finished with it. The group ends when Stop is called, when the
// context of the start ends, or when this process does, even by SIGKILL (see package process).
package emulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/gemhook/gemhook/internal/testkit/process"
)

// Options change how an emulator is started. Nil means the defaults.
type Options struct {
	// Port to listen on, on 127.0.0.1. Zero is a free one. Naming the port of an earlier emulator
	// brings one back where its clients expect it.
	Port int

	// Log receives what the emulator prints; nil discards it. Emulators that share a Log write to
	// it concurrently.
	Log io.Writer
}

// An Emulator is a running emulator. Its methods may be called concurrently.
type Emulator struct {
	host string
	stop func() error
}

// StartFirestore starts a Firestore emulator and returns once it answers calls. The end of ctx
// stops the emulator, as Stop does.
//
// The error is [ErrNotInstalled] if the emulator or a Java runtime is missing, and that of ctx if
// it ended first.
func StartFirestore(ctx context.Context, opts *Options) (*Emulator, error) {
	return start(ctx, firestore, opts)
}

// StartPubSub starts a Pub/Sub emulator and returns once it answers calls. The end of ctx stops the
// emulator, as Stop does.
//
// The error is [ErrNotInstalled] if the emulator or a Java runtime is missing, and that of ctx if
// it ended first.
func StartPubSub(ctx context.Context, opts *Options) (*Emulator, error) {
	return start(ctx, pubSub, opts)
}

// Host is the address of the emulator, "127.0.0.1:port": the value that the client libraries want
// in FIRESTORE_EMULATOR_HOST or PUBSUB_EMULATOR_HOST.
func (e *Emulator) Host() string { return e.host }

// Stop ends the emulator, whose data is lost, and returns when its processes are gone and its port
// is free. Further calls do nothing and return the same.
//
// The error says that the emulator had ended by itself before.
func (e *Emulator) Stop() error { return e.stop() }

// javaOptions start the emulators in about two thirds of the time and cap their memory: in
// processes that live so briefly, the second compiler, the parallel collector's threads and the
// file of performance counters cost more time than they save.
const javaOptions = "-XX:+IgnoreUnrecognizedVMOptions" +
	" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Xmx1g"

func start(ctx context.Context, k kind, opts *Options) (*Emulator, error) {
	if opts == nil {
		opts = &Options{}
	}
	for try := 1; ; try++ {
		e, err := launch(ctx, k, opts)
		if err == nil {
			return e, nil
		}
		if opts.Port != 0 || try == portTries || !strings.Contains(err.Error(), "Address already in use") {
			return nil, fmt.Errorf("start %s emulator: %w", k.name, err)
		}
	}
}

// portTries bounds how often an emulator is started because another process took the free port that
// was chosen for it, before it listened there.
const portTries = 3

func launch(ctx context.Context, k kind, opts *Options) (*Emulator, error) {
	script, err := find(ctx, k)
	if err != nil {
		return nil, err
	}
	port, err := reservePort(opts.Port)
	if err != nil {
		return nil, err
	}
	host := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))

	out := &head{}
	cmd := exec.Command(script, k.args(port)...)
	cmd.Env = append(os.Environ(),
		strings.TrimSpace("JDK_JAVA_OPTIONS="+javaOptions+" "+os.Getenv("JDK_JAVA_OPTIONS")))
	cmd.Stdout = out
	if opts.Log != nil {
		cmd.Stdout = io.MultiWriter(out, opts.Log)
	}
	cmd.Stderr = cmd.Stdout
	p, err := process.StartGroup(ctx, cmd)
	if err != nil {
		return nil, err
	}
	e := &Emulator{host: host, stop: sync.OnceValue(func() error {
		err := p.Stop()
		awaitFree(port)
		if err != nil {
			return fmt.Errorf("%s emulator: %w", k.name, err)
		}
		return nil
	})}
	if err := awaitReady(ctx, k, host, p, out); err != nil {
		_ = e.Stop() // awaitReady's error is nearer the cause
		return nil, err
	}
	return e, nil
}
