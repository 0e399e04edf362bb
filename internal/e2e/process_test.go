package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
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
	for name, target := range map[string]string{
		"serve":     "github.com/gemhook/gemhook/internal/serve",
		"bootstrap": "github.com/gemhook/gemhook/functions/receive/lambda",
	} {
		binaries.once[name] = sync.OnceValue(func() error {
			output, err := exec.Command("go", "build", "-o", filepath.Join(folder, name), target).CombinedOutput()
			if err != nil {
				return fmt.Errorf("build %s: %w\n%s", target, err, output)
			}
			return nil
		})
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
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
	log *logBuffer
}

// startProcess starts one and waits until it answers. It is killed when the test ends.
func startProcess(t *testing.T, env map[string]string) *process {
	t.Helper()
	port := freePort(t)
	p := &process{
		Cmd: exec.Command(binary(t, "serve")),
		url: "http://127.0.0.1:" + port,
		log: &logBuffer{},
	}
	p.Env = environ(env, "PORT="+port)
	p.Stdout, p.Stderr = p.log, p.log
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

// rawRequest sends bytes over a connection of its own and returns the answer's status line and the rest.
func rawRequest(t *testing.T, url, request string) (*http.Response, string) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	// No more is coming, and the sender waits for the answer.
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}
