package faulttest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
)

var (
	kills     = flag.Int("kills", 210, "how many processes to kill")
	faults    = flag.Int("wirefaults", 64, "how many faults to have on the wire")
	delivered = flag.Int("deliveries", 4000, "how many deliveries the soak has")
)

// program is that of the fleets, built once into a folder that goes with the test run.
var program func() (string, error)

func TestMain(m *testing.M) {
	flag.Parse()
	// The trials wait for leases more than they work.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	folder, err := os.MkdirTemp("", "gemhook-faulttest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = sync.OnceValues(func() (string, error) { return Build(context.Background(), folder) })
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// run carries out a trial on the shared emulators.
func run(t *testing.T, trial *Trial) *Result {
	t.Helper()
	firestore, pubSub := testkit.FirestoreHost(t), testkit.PubSubHost(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	result, err := Run(t.Context(), path, firestore, pubSub, trial)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d deliveries, %d answered requests, %d messages (%d marked copies), %d kills, in %s",
		result.Delivered, result.Requests, result.Messages, result.MarkedCopies, result.Kills(), result.Took.Round(100*time.Millisecond))
	return result
}

// wantPromisesKept fails the test if the trial broke a promise.
func wantPromisesKept(t *testing.T, result *Result) {
	t.Helper()
	if err := result.Err(); err != nil {
		t.Errorf("%v\n%+v", err, *result.Tally)
	}
}

// A trial fails if a process ends that nobody has killed.
func TestAProcessThatEndsByItselfIsAnError(t *testing.T) {
	t.Parallel()
	firestore, pubSub := testkit.FirestoreHost(t), testkit.PubSubHost(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), path, firestore, pubSub, &Trial{
		Slots: 1, Simultaneous: 1, Open: 1, Next: some(1), Defect: "nonesuch",
	})
	if err == nil || !strings.Contains(err.Error(), "unknown FAULTTEST_DEFECT") {
		t.Errorf("got %v, want what the process said", err)
	}
}
