package emulator_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/emulator"
)

const pubSubScript = "platform/pubsub-emulator/bin/cloud-pubsub-emulator"

// A missing part is ErrNotInstalled, with the command that installs it.
func TestNotInstalled(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string // below an installation on the PATH
	}{
		{"no gcloud", nil},
		{"no emulator", map[string]string{
			"bin/gcloud":           "exit 1",
			"bin/java":             "exit 1",
			"platform/gsutil/file": "",
		}},
		{"no java", map[string]string{
			"bin/gcloud": "exit 1",
			pubSubScript: "exit 1",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			install(t, test.files)
			_, err := emulator.StartPubSub(t.Context(), nil)
			if !errors.Is(err, emulator.ErrNotInstalled) {
				t.Fatalf("got %v, want ErrNotInstalled", err)
			}
			if !strings.Contains(err.Error(), "gcloud components install") {
				t.Errorf("%q does not say how to install it", err)
			}
		})
	}
}

// The error of an emulator that ends at once has its exit code and output.
func TestStartTellsWhyItFailed(t *testing.T) {
	install(t, map[string]string{
		"bin/gcloud": "exit 1",
		"bin/java":   "exit 1",
		pubSubScript: "echo cannot allocate memory >&2; exit 3",
	})
	var log bytes.Buffer
	_, err := emulator.StartPubSub(t.Context(), &emulator.Options{Log: &log})
	if err == nil {
		t.Fatal("no error from a program that ends at once")
	}
	for _, want := range []string{"pubsub", "exit status 3", "cannot allocate memory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not tell %q", err, want)
		}
	}
	if want := "cannot allocate memory\n"; log.String() != want {
		t.Errorf("log holds %q, want %q", log.String(), want)
	}
}

// The end of the context ends the waiting for an emulator.
func TestStartEndsWithContext(t *testing.T) {
	// cat waits without end on a pipe that nobody writes to.
	install(t, map[string]string{
		"bin/gcloud": "exit 1",
		"bin/java":   "exit 1",
		pubSubScript: `mkfifo "$0.fifo"; exec /bin/cat "$0.fifo"`,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := emulator.StartPubSub(ctx, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

// Where gcloud is a wrapper, it is asked where the installation is.
func TestAsksGcloudWhereItIs(t *testing.T) {
	root := t.TempDir()
	write(t, root, pubSubScript, "echo found by asking >&2; exit 1")
	install(t, map[string]string{
		"bin/gcloud": `[ "$*" = "info --format=value(installation.sdk_root)" ] && echo ` + root,
		"bin/java":   "exit 1",
	})
	_, err := emulator.StartPubSub(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "found by asking") {
		t.Errorf("got %v, want the output of the script that gcloud info led to", err)
	}
}

// install makes the files, shell scripts, the only installation on the PATH.
func install(t *testing.T, files map[string]string) {
	t.Helper()
	root := t.TempDir()
	for name, script := range files {
		write(t, root, name, script)
	}
	// The PATH has a link to the program, as package managers make it.
	bin := t.TempDir()
	for _, name := range []string{"gcloud", "java"} {
		if _, ok := files["bin/"+name]; !ok {
			continue
		}
		if err := os.Symlink(filepath.Join(root, "bin", name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("JAVA_HOME", "")
	t.Setenv("JAVA", "")
}

func write(t *testing.T, root, name, script string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\nPATH=/usr/bin:/bin\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// A free port that another process takes first is no reason to fail before three tries.
func TestPortTakenMeanwhile(t *testing.T) {
	tries := filepath.Join(t.TempDir(), "tries")
	install(t, map[string]string{
		"bin/gcloud": "", "bin/java": "",
		"platform/cloud-firestore-emulator/cloud_firestore_emulator": "echo once >>" + tries + "; echo java.net.BindException: Address already in use; exit 1",
	})
	_, err := emulator.StartFirestore(t.Context(), nil)
	text, readErr := os.ReadFile(tries)
	if n := strings.Count(string(text), "once"); err == nil || readErr != nil || n != 3 {
		t.Errorf("%d tries, error %v, want three and an error", n, err)
	}
}
