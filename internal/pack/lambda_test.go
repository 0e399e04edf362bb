package pack_test

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"testing"

	"github.com/gemhook/gemhook/internal/pack"
)

var smallLambda = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26.0\n",
	"functions/receive/lambda/main.go": `package main

import _ "example.com/m/shared/rpc"

func main() { panic("this names the source file it is in") }
`,
	// A program with the RPC server would have no function to call.
	"shared/rpc/rpc.go":   "package rpc\n",
	"shared/rpc/serve.go": "//go:build !lambda.norpc\n\npackage rpc\n\nfunc init() { serve() }\n",
}

// The archive has one program for the architecture, and the same bytes from any folder.
func TestLambda(t *testing.T) {
	first, second := tree(t, smallLambda), tree(t, smallLambda)
	for _, test := range []struct {
		arch string
		want elf.Machine
	}{
		{"arm64", elf.EM_AARCH64},
		{"amd64", elf.EM_X86_64},
	} {
		t.Run(test.arch, func(t *testing.T) {
			archive := lambdaArchive(t, first, test.arch)
			if again := lambdaArchive(t, second, test.arch); !bytes.Equal(archive, again) {
				t.Error("the same source in another folder gives another archive")
			}

			files := open(t, archive).File
			if len(files) != 1 || files[0].Name != "bootstrap" || files[0].Mode() != 0o755 {
				t.Fatalf("the archive holds %v, want one file, bootstrap, of mode 0755", files)
			}
			program := read(t, files[0])
			header, err := elf.NewFile(bytes.NewReader(program))
			if err != nil {
				t.Fatal(err)
			}
			if header.Machine != test.want {
				t.Errorf("built for %v, want %v", header.Machine, test.want)
			}
			if header.Section(".interp") != nil {
				t.Error("linked with the system's libraries, which Lambda may have in another version")
			}
			if bytes.Contains(program, []byte(first)) {
				t.Errorf("the program names the folder it was built in, %s", first)
			}
		})
	}
}

// Variables that change a build do not change the archive.
func TestLambdaIgnoresBuildFlagsOfTheEnvironment(t *testing.T) {
	root := tree(t, smallLambda)
	want := lambdaArchive(t, root, "amd64")
	t.Setenv("GOFLAGS", "-gcflags=all=-N")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	if got := lambdaArchive(t, root, "amd64"); !bytes.Equal(got, want) {
		t.Error("the environment changed the program")
	}
}

// An unknown architecture and source that does not compile are errors that say so.
func TestLambdaErrors(t *testing.T) {
	err := pack.WriteLambda(t.Context(), io.Discard, repository, "receive", "riscv64")
	if !errors.Is(err, pack.ErrArchitecture) {
		t.Errorf("riscv64: %v, want %v", err, pack.ErrArchitecture)
	}

	broken := tree(t, map[string]string{
		"go.mod":                           "module example.com/m\n",
		"functions/receive/lambda/main.go": "package main\n\nfunc main() { undefinedName() }\n",
	})
	err = pack.WriteLambda(t.Context(), io.Discard, broken, "receive", "arm64")
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("undefinedName")) {
		t.Errorf("broken source: %v, want the compiler's message", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = pack.WriteLambda(ctx, io.Discard, repository, "receive", "arm64")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v, want %v", err, context.Canceled)
	}
}

func lambdaArchive(t *testing.T, root, arch string) []byte {
	t.Helper()
	var archive bytes.Buffer
	if err := pack.WriteLambda(t.Context(), &archive, root, "receive", arch); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
