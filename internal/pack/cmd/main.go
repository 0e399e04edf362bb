// Cmd is the program behind scripts/package.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/gemhook/gemhook/internal/pack"
)

const usage = `usage: scripts/package [--arch arm64|amd64] [--out DIR]
       scripts/package --renew

Makes two archives for each function, with the bill of materials of each (CycloneDX), and prints
the size and SHA-256 of each file:
  FUNCTION-cloudfunction.zip  sources, laid out for the Go buildpack of Cloud Functions
  FUNCTION-lambda.zip         the program "bootstrap" for Lambda's provided.al2023 runtime
  FUNCTION-PLATFORM.cdx.json  the modules that the function is built from
The same sources and the same version of Go give the same bytes.

  --arch  architecture of the Lambda function (default arm64)
  --out   folder for the archives (default dist, in the repository)
  --renew writes the lists of what each function imports to terraform/modules/source instead
`

const exitUsage = 64 // EX_USAGE of sysexits.h

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	root := flags.String("root", ".", "the repository; set by the script")
	arch := flags.String("arch", "arm64", "")
	out := flags.String("out", "", "")
	renew := flags.Bool("renew", false, "")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == nil && *arch != "arm64" && *arch != "amd64" {
		err = fmt.Errorf("--arch %q: %w", *arch, pack.ErrArchitecture)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "package: %v\n%s", err, usage)
		return exitUsage
	}
	if *out == "" {
		*out = filepath.Join(*root, "dist")
	}

	write := func() error { return writeAll(ctx, stdout, *root, *arch, *out) }
	if *renew {
		write = func() error { return renewLists(ctx, *root) }
	}
	if err := write(); err != nil {
		fmt.Fprintf(stderr, "package: %v\n", err)
		return 1
	}
	return 0
}

func writeAll(ctx context.Context, stdout io.Writer, root, arch, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	packages, err := pack.Packages(root)
	if err != nil {
		return err
	}
	for _, function := range slices.Sorted(maps.Keys(packages)) {
		for _, file := range []struct {
			name    string
			content func(io.Writer) error
		}{
			{"-cloudfunction.zip", func(w io.Writer) error { return pack.WriteCloudFunction(w, root, function) }},
			{"-cloudfunction.cdx.json", func(w io.Writer) error {
				return pack.WriteSBOM(ctx, w, root, function, pack.CloudFunction)
			}},
			{"-lambda.zip", func(w io.Writer) error { return pack.WriteLambda(ctx, w, root, function, arch) }},
			{"-lambda.cdx.json", func(w io.Writer) error {
				return pack.WriteSBOM(ctx, w, root, function, pack.Lambda)
			}},
		} {
			if err := write(stdout, filepath.Join(out, function+file.name), file.content); err != nil {
				return err
			}
		}
	}
	return nil
}

// renewLists writes the lists of the functions.
func renewLists(ctx context.Context, root string) error {
	lists, err := pack.Lists(ctx, root)
	if err != nil {
		return err
	}
	for path, content := range lists {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(path)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// write makes the file at path whole or not at all, and prints what it made.
func write(stdout io.Writer, path string, content func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".package-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()

	hash := sha256.New()
	if err := content(io.MultiWriter(f, hash)); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s  %d bytes  sha256 %x\n", path, size, hash.Sum(nil))
	return err
}
