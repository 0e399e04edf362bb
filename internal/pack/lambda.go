package pack

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// bootstrap is the name that Lambda's provided runtimes start.
const bootstrap = "bootstrap"

// ErrArchitecture is returned for an architecture that Lambda does not offer.
var ErrArchitecture = errors.New("not arm64 or amd64")

// WriteLambda builds a Lambda function of the repository at root for arch, "arm64" or "amd64", and
// writes its archive. It needs the go command; the end of ctx ends the build.
func WriteLambda(ctx context.Context, w io.Writer, root, function, arch string) error {
	if arch != "arm64" && arch != "amd64" {
		return fmt.Errorf("build the lambda for %q: %w", arch, ErrArchitecture)
	}
	dir, err := os.MkdirTemp("", "gemhook-lambda-")
	if err != nil {
		return fmt.Errorf("build the lambda: %w", err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, bootstrap)
	if err := build(ctx, root, "./functions/"+function+"/lambda", arch, program); err != nil {
		return fmt.Errorf("build the lambda for %s: %w", arch, err)
	}

	archive := zip.NewWriter(w)
	if err := add(archive, bootstrap, 0o755, program); err != nil {
		return fmt.Errorf("write the lambda's archive: %w", err)
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write the lambda's archive: %w", err)
	}
	return nil
}

// buildTags leave out what no function uses: the RPC server of a runtime that is gone, and gRPC's
// pages about its requests. Those use templates, which can call any method by its name, so the
// linker keeps all methods on their account: a fifth of the program.
const buildTags = "lambda.norpc,grpcnotrace"

// build compiles the function. Whatever could make two builds of one source differ is set here:
// paths, version control, build ids, the target's minor levels, and flags from the environment.
func build(ctx context.Context, root, lambda, arch, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build",
		"-trimpath",
		"-buildvcs=false",
		"-ldflags=-s -w -buildid=",
		"-tags="+buildTags,
		"-o", program,
		lambda)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), buildEnvironment(arch)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("go build: %w\n%s", err, stderr.Bytes())
	}
	return nil
}

// buildEnvironment returns the variables that could make a difference to a build for arch.
func buildEnvironment(arch string) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOARM64=v8.0", "GOAMD64=v1",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off",
	}
}
