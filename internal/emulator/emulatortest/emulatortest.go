// Package emulatortest gives tests their Firestore and Pub/Sub emulators.
//
// Most tests share the emulators that scripts/test starts once for all of them
// and names in the environment; they keep apart by using projects or ids of
// their own. A test that must stop or restart an emulator starts one itself.
package emulatortest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/gemhook/gemhook/internal/emulator"
)

// FirestoreHost returns the address in FIRESTORE_EMULATOR_HOST. Where that is
// not set, it skips the test.
func FirestoreHost(t testing.TB) string {
	t.Helper()
	return host(t, "FIRESTORE_EMULATOR_HOST")
}

// PubSubHost returns the address in PUBSUB_EMULATOR_HOST. Where that is not
// set, it skips the test.
func PubSubHost(t testing.TB) string {
	t.Helper()
	return host(t, "PUBSUB_EMULATOR_HOST")
}

func host(t testing.TB, variable string) string {
	t.Helper()
	host := os.Getenv(variable)
	if host == "" {
		t.Skip(variable + " is not set: run scripts/test, which starts the emulators")
	}
	return host
}

// StartFirestore starts a Firestore emulator that belongs to the test and ends
// with it. Where the emulator is not installed, it skips the test; an emulator
// that ends by itself fails it.
func StartFirestore(t testing.TB, opts *emulator.Options) *emulator.Emulator {
	t.Helper()
	return start(t, emulator.StartFirestore, opts)
}

// StartPubSub starts a Pub/Sub emulator that belongs to the test and ends with
// it. Where the emulator is not installed, it skips the test; an emulator that
// ends by itself fails it.
func StartPubSub(t testing.TB, opts *emulator.Options) *emulator.Emulator {
	t.Helper()
	return start(t, emulator.StartPubSub, opts)
}

func start(
	t testing.TB,
	startKind func(context.Context, *emulator.Options) (*emulator.Emulator, error),
	opts *emulator.Options,
) *emulator.Emulator {
	t.Helper()
	// The test's context ends before its cleanups run, and those may still
	// need the emulator.
	e, err := startKind(context.WithoutCancel(t.Context()), opts)
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}
