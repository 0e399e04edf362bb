package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/pack"
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
	for name, build := range map[string]func(path string) error{"serve": buildServe, "bootstrap": buildBootstrap} {
		binaries.once[name] = sync.OnceValue(func() error { return build(filepath.Join(folder, name)) })
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func buildServe(path string) error {
	output, err := exec.Command("go", "build", "-o", path, "github.com/gemhook/gemhook/internal/serve").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, output)
	}
	return nil
}

// buildBootstrap unpacks the program from the archive that is deployed.
func buildBootstrap(path string) error {
	var archive bytes.Buffer
	if err := pack.WriteLambda(context.Background(), &archive, "../..", runtime.GOARCH); err != nil {
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

// process is a receiver process: the Cloud Functions entrypoint under the Functions Framework.
type process struct {
	*exec.Cmd
	url string
	log fmt.Stringer
}

// startProcess starts one and waits until it answers. It is killed when the test ends.
func startProcess(t *testing.T, env map[string]string) *process {
	t.Helper()
	return startLogging(t, env, &logBuffer{})
}

// startLogging is startProcess with a log of the test's own.
func startLogging(t *testing.T, env map[string]string, log interface {
	io.Writer
	fmt.Stringer
}) *process {
	t.Helper()
	port := freePort(t)
	p := &process{
		Cmd: exec.Command(binary(t, "serve")),
		url: "http://127.0.0.1:" + port,
		log: log,
	}
	p.Env = environ(env, "PORT="+port)
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	p.waitUntilUp(t)
	return p
}

func (p *process) waitUntilUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/", nil)
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the receiver does not answer: %v\n%s", err, p.log)
		}
	}
}

// environ is this process's environment, emulators included, with what is set.
func environ(set map[string]string, more ...string) []string {
	env := append(os.Environ(), more...)
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func TestBadConfigurationStopsTheStart(t *testing.T) {
	command := exec.Command(binary(t, "serve"))
	command.Env = append(os.Environ(), "GEMHOOK_TOPIC=", "GOOGLE_CLOUD_PROJECT=", "GEMHOOK_LEASE=9s", "GEMHOOK_MAX_BODY=big")
	output, err := command.Output()
	if _, exited := err.(*exec.ExitError); !exited {
		t.Fatalf("the process ended with %v, want an exit code other than 0\n%s", err, output)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(lines) != 1 {
		t.Errorf("%d lines of output, want one message:\n%s", len(lines), output)
	}
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "GEMHOOK_TOPIC", "GEMHOOK_DEAD_LETTER_TOPIC", "GEMHOOK_LEASE", "GEMHOOK_MAX_BODY"} {
		if !strings.Contains(string(output), name) {
			t.Errorf("the message does not name %s: %s", name, output)
		}
	}
}
