package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// ErrEnded is the error of waiting for a process that has ended by itself.
var ErrEnded = errors.New("the process has ended")

// pollInterval is how long to wait between two attempts to reach a program that is starting.
const pollInterval = 10 * time.Millisecond

// AwaitHTTP returns when a GET of url is answered, whatever the answer. Its error is that of ctx,
// or [ErrEnded].
func (p *Process) AwaitHTTP(ctx context.Context, url string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			return response.Body.Close()
		}
		select {
		case <-time.After(pollInterval):
		case <-p.done:
			return fmt.Errorf("await %s: %w: %s", url, ErrEnded, p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("await %s: %w", url, ctx.Err())
		}
	}
}

// FreePort returns a port of 127.0.0.1 on which nothing listens at the moment.
func FreePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// Build builds the program of a package, from the module that directory is in, to path. It compiles
// the dependencies as the Lambda packages do, so that each is compiled once.
func Build(ctx context.Context, directory, pkg, path string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", path, pkg)
	build.Dir = directory
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, output)
	}
	return nil
}

// Environ returns this process's environment with what is set, and more entries of the form
// name=value.
func Environ(set map[string]string, more ...string) []string {
	environment := os.Environ()
	for name, value := range set {
		environment = append(environment, name+"="+value)
	}
	return append(environment, more...)
}
