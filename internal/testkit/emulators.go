package testkit

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

// FirestoreHost returns the address in FIRESTORE_EMULATOR_HOST. Where that is not set, it skips the
// test.
func FirestoreHost(t testing.TB) string {
	t.Helper()
	return emulatorHost(t, "FIRESTORE_EMULATOR_HOST")
}

// PubSubHost returns the address in PUBSUB_EMULATOR_HOST. Where that is not set, it skips the test.
func PubSubHost(t testing.TB) string {
	t.Helper()
	return emulatorHost(t, "PUBSUB_EMULATOR_HOST")
}

func emulatorHost(t testing.TB, variable string) string {
	t.Helper()
	host := os.Getenv(variable)
	if host == "" {
		if emulator.Installed(t.Context()) == nil {
			LeaveOut(t, Need{"emulators", "run the test by scripts/test, which starts them"})
		}
		LeaveOut(t, Emulators)
	}
	return host
}

// StartFirestore starts a Firestore emulator that belongs to the test and ends with it. Where the
// emulator is not installed, it skips the test; an emulator that ends by itself fails it.
func StartFirestore(t testing.TB, options *emulator.Options) *emulator.Emulator {
	t.Helper()
	return startEmulator(t, emulator.StartFirestore, options)
}

// StartPubSub is StartFirestore for Pub/Sub.
func StartPubSub(t testing.TB, options *emulator.Options) *emulator.Emulator {
	t.Helper()
	return startEmulator(t, emulator.StartPubSub, options)
}

type startFunc = func(context.Context, *emulator.Options) (*emulator.Emulator, error)

func startEmulator(t testing.TB, start startFunc, options *emulator.Options) *emulator.Emulator {
	t.Helper()
	// The test's context ends before its cleanups run, and those may still need the emulator.
	e, err := start(context.WithoutCancel(t.Context()), options)
	if errors.Is(err, emulator.ErrNotInstalled) {
		LeaveOut(t, Emulators)
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
