package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/internal/testkit/process"
)

// settings are those that each function needs to start.
var settings = map[string]map[string]string{
	"receive": {"GOOGLE_CLOUD_PROJECT": "p", "GEMHOOK_TOPIC": "events", "GEMHOOK_DEAD_LETTER_TOPIC": "dead-letters"},
	"collect": {
		"GOOGLE_CLOUD_PROJECT": "p", "GEMHOOK_API_KEYS": "file:keys", "GEMHOOK_RESULTS_BUCKET": "results",
		"GEMHOOK_RESULTS_TOPIC": "results", "GEMHOOK_PUSH_AUDIENCE": "https://me", "GEMHOOK_PUSH_ACCOUNT": "me@p",
	},
	"reconcile": {
		"GOOGLE_CLOUD_PROJECT": "p", "GEMHOOK_TOPIC": "events", "GEMHOOK_DEAD_LETTER_TOPIC": "dead-letters",
		"GEMHOOK_PUSH_AUDIENCE": "https://me", "GEMHOOK_PUSH_ACCOUNT": "me@p",
	},
}

// TestServe wants each function to answer in its own words, on every path, and to end on SIGTERM.
func TestServe(t *testing.T) {
	program := filepath.Join(t.TempDir(), "serve")
	if err := process.Build(t.Context(), "../..", "./internal/serve", program); err != nil {
		t.Fatal(err)
	}
	for function, environment := range settings {
		t.Run(function, func(t *testing.T) {
			port := testkit.FreePort(t)
			var log testkit.Buffer
			command := exec.Command(program)
			command.Env = process.Environ(environment, "PORT="+port, "FUNCTION_TARGET="+function)
			command.Stdout, command.Stderr = &log, &log
			started, err := process.Start(context.WithoutCancel(t.Context()), command)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = started.Stop() })
			url := "http://127.0.0.1:" + port
			ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
			defer cancel()
			if err := started.AwaitHTTP(ctx, url); err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			if want := function + " is serving on " + url + "/\n"; !strings.Contains(log.String(), want) {
				t.Errorf("it says %q, want %q", log.String(), want)
			}
			for path, want := range map[string]int{"/": http.StatusOK, "//": http.StatusNotFound, "/a/../b": http.StatusNotFound} {
				t.Run(path, func(t *testing.T) {
					answer := get(t, url, path)
					if answer.status != want || answer.body["message"] == "" && want != http.StatusOK {
						t.Errorf("GET %s: %d %v, want %d and JSON", path, answer.status, answer.body, want)
					}
				})
			}
			if err := started.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if state := started.Wait(); state.ExitCode() != 0 {
				t.Errorf("after SIGTERM it ended with %v, want 0", state)
			}
		})
	}
	wantEnds(t, program)
	t.Run("no such function", func(t *testing.T) {
		command := exec.Command(program)
		command.Env = process.Environ(nil, "FUNCTION_TARGET=recieve")
		if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), `FUNCTION_TARGET is "recieve"`) {
			t.Errorf("it ended with %v and says %s", err, output)
		}
	})
	t.Run("another host", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		command := exec.CommandContext(ctx, program)
		// An address for documentation (RFC 5737), which no machine has.
		command.Env = process.Environ(settings["receive"], "HOST=192.0.2.1", "PORT="+testkit.FreePort(t))
		if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), "listen tcp 192.0.2.1:") {
			t.Errorf("it ended with %v and says %s", err, output)
		}
	})
}

// wantEnds wants each request to end, such as an interrupt or a closed terminal or pipe, to end the
// program as SIGTERM does.
func wantEnds(t *testing.T, program string) {
	signal := func(s syscall.Signal) func(*process.Process, *os.File) error {
		return func(p *process.Process, _ *os.File) error { return p.Signal(s) }
	}
	for name, end := range map[string]func(*process.Process, *os.File) error{
		"hung up":     signal(syscall.SIGHUP),
		"interrupted": signal(syscall.SIGINT),
		"closed pipe": func(_ *process.Process, output *os.File) error { return output.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			process.HeedSignals()
			started, output := startReceive(t, program)
			if err := end(started, output); err != nil {
				t.Fatal(err)
			}
			select {
			case <-started.Done():
			case <-time.After(testkit.Patience):
				t.Fatal("it goes on")
			}
			if state := started.Wait(); state.ExitCode() != 0 {
				t.Errorf("it ended with %v, want 0", state)
			}
		})
	}
}

// startReceive has the program serve receive, and returns when it does, with the pipe of its output.
func startReceive(t *testing.T, program string) (started *process.Process, output *os.File) {
	t.Helper()
	port := testkit.FreePort(t)
	output, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = output.Close() })
	command := exec.Command(program)
	command.Env = process.Environ(settings["receive"], "PORT="+port)
	command.Stdout = writer
	if started, err = process.Start(context.WithoutCancel(t.Context()), command); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Stop() })
	_ = writer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := started.AwaitHTTP(ctx, "http://127.0.0.1:"+port); err != nil {
		t.Fatal(err)
	}
	return started, output
}

type answer struct {
	status int
	body   map[string]string
}

// get asks for a path as it is, without following a redirect.
func get(t *testing.T, url, path string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = "//" + request.URL.Host + path
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode}
	if err := json.Unmarshal(text, &a.body); err != nil {
		t.Errorf("GET %s: the answer is no JSON: %s", path, text)
	}
	return a
}
