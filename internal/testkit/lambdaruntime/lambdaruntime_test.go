package lambdaruntime_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/lambdaruntime"
)

func TestFunction(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags=lambda.norpc", "-o", program, "./testdata/function")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	t.Run("responds", func(t *testing.T) {
		runtime := serve(t)
		startFunction(t, runtime, program)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		deadline, _ := ctx.Deadline()

		ids := make(map[string]bool)
		for range 3 {
			response, err := runtime.Invoke(ctx, []byte(`{"n":1}`))
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Event    json.RawMessage
				ID, ARN  string
				Deadline time.Time
			}
			if err := json.Unmarshal(response, &got); err != nil {
				t.Fatal(err)
			}
			if string(got.Event) != `{"n":1}` {
				t.Errorf("the function got %s", got.Event)
			}
			if !strings.HasPrefix(got.ARN, "arn:aws:lambda:") {
				t.Errorf("the function got the ARN %q", got.ARN)
			}
			if !got.Deadline.Equal(deadline.Truncate(time.Millisecond)) {
				t.Errorf("the function got the deadline %v, want %v", got.Deadline, deadline)
			}
			ids[got.ID] = true
		}
		if len(ids) != 3 || ids[""] {
			t.Errorf("request ids of three invocations: %v", ids)
		}
	})

	t.Run("reports an error and goes on", func(t *testing.T) {
		runtime := serve(t)
		startFunction(t, runtime, program)
		for range 2 {
			checkError(t, runtime, `"fail"`, lambdaruntime.Error{Type: "refusal", Message: "no such luck"})
		}
	})

	t.Run("breaks off its response", func(t *testing.T) {
		runtime := serve(t)
		startFunction(t, runtime, program)
		checkError(t, runtime, `"stream"`, lambdaruntime.Error{Type: "errorString", Message: "broke off"})
	})

	t.Run("panics, and a new one goes on", func(t *testing.T) {
		runtime := serve(t)
		first := startFunction(t, runtime, program)
		checkError(t, runtime, `"panic"`, lambdaruntime.Error{Type: "string", Message: "at the disco"})
		first.await(t)
		startFunction(t, runtime, program)
		if _, err := runtime.Invoke(t.Context(), []byte(`{}`)); err != nil {
			t.Errorf("Invoke after a restart: %v", err)
		}
	})

	t.Run("answers each of many callers", func(t *testing.T) {
		runtime := serve(t)
		var all sync.WaitGroup
		for caller := range 20 {
			all.Go(func() {
				response, err := runtime.Invoke(t.Context(), []byte(strconv.Itoa(caller)))
				if err != nil {
					t.Error(err)
					return
				}
				var got struct{ Event int }
				if err := json.Unmarshal(response, &got); err != nil || got.Event != caller {
					t.Errorf("caller %d got the response %s", caller, response)
				}
			})
		}
		startFunction(t, runtime, program)
		all.Wait()
	})

	t.Run("takes too long", func(t *testing.T) {
		runtime := serve(t)
		startFunction(t, runtime, program)
		if _, err := runtime.Invoke(t.Context(), []byte(`{}`)); err != nil {
			t.Fatal(err) // it is up, and waits for the next
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := runtime.Invoke(ctx, []byte(`"block"`))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Invoke: %v, want %v", err, context.DeadlineExceeded)
		}
	})

	t.Run("ends with the server", func(t *testing.T) {
		runtime := serve(t)
		function := startFunction(t, runtime, program)
		failed := make(chan error)
		go func() {
			_, err := runtime.Invoke(t.Context(), []byte(`"announce"`))
			failed <- err
		}()
		function.awaitLine(t)
		for range 2 {
			if err := runtime.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if err := <-failed; !errors.Is(err, lambdaruntime.ErrClosed) {
			t.Errorf("Invoke: %v, want %v", err, lambdaruntime.ErrClosed)
		}
	})
}

func TestFunctionThatCannotStart(t *testing.T) {
	runtime := serve(t)
	resp := post(t, runtime, "init/error", `{"errorType":"Config.Bad","errorMessage":"GEMHOOK_TOPIC is not set"}`)
	if resp.StatusCode != http.StatusAccepted {
		t.Errorf("init error: %s, want 202", resp.Status)
	}
	checkError(t, runtime, `{}`, lambdaruntime.Error{
		Type: "Config.Bad", Message: "GEMHOOK_TOPIC is not set", Init: true,
	})
}

func TestResponseToNothing(t *testing.T) {
	runtime := serve(t)
	for _, path := range []string{"invocation/unknown/response", "invocation/unknown/error"} {
		if resp := post(t, runtime, path, `{}`); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s, want 400", path, resp.Status)
		}
	}
}

func serve(t *testing.T) *lambdaruntime.Server {
	t.Helper()
	runtime, err := lambdaruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runtime.Close(); err != nil {
			t.Error(err)
		}
	})
	return runtime
}

func checkError(t *testing.T, runtime *lambdaruntime.Server, event string, want lambdaruntime.Error) {
	t.Helper()
	response, err := runtime.Invoke(t.Context(), []byte(event))
	var got *lambdaruntime.Error
	if !errors.As(err, &got) || *got != want {
		t.Errorf("Invoke(%s) = %q, %v; want the error %+v", event, response, err, want)
	}
	if response != nil {
		t.Errorf("Invoke(%s) gives the response %q with the error", event, response)
	}
}

func post(t *testing.T, runtime *lambdaruntime.Server, path, body string) *http.Response {
	t.Helper()
	resp, err := http.Post("http://"+runtime.Host()+"/2018-06-01/runtime/"+path,
		"application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// A function is a running program.
type function struct {
	lines chan string // its standard output; closed when it has ended
}

// startFunction starts the program. It ends with the test.
func startFunction(t *testing.T, runtime *lambdaruntime.Server, program string) *function {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+runtime.Host())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &function{lines: make(chan string, 8)}
	go func() {
		defer close(f.lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			f.lines <- scanner.Text()
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		f.await(t)
	})
	return f
}

// await returns when the function has ended.
func (f *function) await(t *testing.T) {
	t.Helper()
	for range f.lines {
	}
}

// awaitLine returns when the function has printed something.
func (f *function) awaitLine(t *testing.T) {
	t.Helper()
	if _, ok := <-f.lines; !ok {
		t.Fatal("the function ended and printed nothing")
	}
}
