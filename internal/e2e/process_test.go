package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gemhook/gemhook/internal/pack"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// binaries are built once, into a folder that goes with the test run.
var binaries struct {
	folder string
	once   map[string]func() error
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "gemhook-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries.folder = folder
	binaries.once = map[string]func() error{}
	for _, function := range []string{"receive", "collect", "reconcile"} {
		for platform, build := range map[string]func(function, path string) error{framework: buildFramework, bootstrap: buildBootstrap} {
			name := function + platform
			binaries.once[name] = sync.OnceValue(func() error { return build(function, filepath.Join(folder, name)) })
		}
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// A binary is a function's name and one of these.
const (
	framework = " under the Functions Framework"
	bootstrap = " bootstrap"
)

func buildFramework(function, path string) error {
	return process.Build(context.Background(), "../..", "./internal/testkit/framework/"+function, path)
}

// buildBootstrap unpacks the program from the archive that is deployed.
func buildBootstrap(function, path string) error {
	var archive bytes.Buffer
	if err := pack.WriteLambda(context.Background(), &archive, "../..", function, runtime.GOARCH); err != nil {
		return err
	}
	files, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		return err
	}
	program, err := fs.ReadFile(files, "bootstrap")
	if err != nil {
		return err
	}
	return os.WriteFile(path, program, 0o755)
}

// binary builds one and returns its path.
func binary(t *testing.T, name string) string {
	t.Helper()
	if err := binaries.once[name](); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(binaries.folder, name)
}

// receiverProcess is the Cloud Functions entrypoint under the Functions Framework, in a process.
type receiverProcess struct {
	*process.Process
	url string
}

// startProcess starts one and waits until it answers. It is killed when the test ends.
func startProcess(t *testing.T, env map[string]string) *receiverProcess {
	t.Helper()
	return startLogging(t, "receive", env, &logBuffer{})
}

// startLogging is startProcess of any function, with a log of the test's own.
func startLogging(t *testing.T, function string, env map[string]string, log interface {
	io.Writer
	fmt.Stringer
}) *receiverProcess {
	t.Helper()
	port := testkit.FreePort(t)
	command := exec.Command(binary(t, function+framework))
	command.Env = process.Environ(env, "PORT="+port)
	command.Stdout, command.Stderr = log, log
	started, err := process.Start(context.WithoutCancel(t.Context()), command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Stop() })
	p := &receiverProcess{started, "http://127.0.0.1:" + port}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := p.AwaitHTTP(ctx, p.url); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return p
}

// A process with a bad configuration ends, and one line names every variable.
func TestBadConfigurationStopsTheStart(t *testing.T) {
	for function, bad := range map[string]map[string]string{
		"receive": {
			"GOOGLE_CLOUD_PROJECT": "", "GEMHOOK_TOPIC": "", "GEMHOOK_DEAD_LETTER_TOPIC": "", "GEMHOOK_LEASE": "9s", "GEMHOOK_MAX_BODY": "big",
			"GEMHOOK_SIGNING_SECRETS": "whsec_short", "GEMHOOK_DYNAMIC_KEYS": "dynkey_short",
		},
		"collect":   {"GOOGLE_CLOUD_PROJECT": "", "GEMHOOK_RESULTS_BUCKET": "gs://b", "GEMHOOK_API_KEYS": "AIzaKey,AIzaOther"},
		"reconcile": {"GOOGLE_CLOUD_PROJECT": "", "GEMHOOK_FIND_AFTER": "1h", "GEMHOOK_API_KEYS": "AIzaKey,AIzaOther"},
	} {
		t.Run(function, func(t *testing.T) {
			command := exec.Command(binary(t, function+framework))
			command.Env = process.Environ(bad)
			output, err := command.Output()
			if _, exited := err.(*exec.ExitError); !exited {
				t.Fatalf("the process ended with %v, want an exit code other than 0\n%s", err, output)
			}
			if lines := strings.Split(strings.TrimSpace(string(output)), "\n"); len(lines) != 1 {
				t.Errorf("%d lines of output, want one message:\n%s", len(lines), output)
			}
			for name := range bad {
				if !strings.Contains(string(output), name+" is ") {
					t.Errorf("the message does not name %s: %s", name, output)
				}
			}
		})
	}
}
