//go:build unix

package ending_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/gemhook/gemhook/internal/ending"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// printIgnored has the test program print which signals it ignores once it has called Notify.
const printIgnored = "ENDING_TEST_PRINT_IGNORED"

func TestMain(m *testing.M) {
	if os.Getenv(printIgnored) != "" {
		ending.Notify()
		for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP, syscall.SIGTERM} {
			fmt.Print(signal.Ignored(s), " ")
		}
		return
	}
	os.Exit(m.Run())
}

// What a program was started to ignore stays ignored.
func TestIgnoredSignals(t *testing.T) {
	process.HeedSignals()
	for traps, want := range map[string]string{
		":":               "false false false ",
		`trap "" HUP`:     "false true false ", // as under nohup
		`trap "" INT HUP`: "true true false ",
	} {
		t.Run(traps, func(t *testing.T) {
			command := exec.Command("/bin/sh", "-c", traps+`; exec "$0"`, os.Args[0])
			command.Env = append(os.Environ(), printIgnored+"=1")
			output, err := command.Output()
			if err != nil || string(output) != want {
				t.Errorf("ignored are INT, HUP, TERM: %q, %v; want %q", output, err, want)
			}
		})
	}
}
