package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// sourceFolder is the folder of the Terraform module that has the lists.
const sourceFolder = "terraform/modules/source"

// moduleFile returns the path of a function's go.mod or go.sum. These have the modules that the
// function is built from and no other, so that another dependency of a test or of the command line
// redeploys nothing.
func moduleFile(function, name string) string {
	return sourceFolder + "/" + function + "." + name
}

// Lists returns what is in the repository only for its archives, path to content: the list of
// packages that each function imports, and each function's go.mod and go.sum. It needs the go
// command, and the modules; the end of ctx ends it.
func Lists(ctx context.Context, root string) (map[string][]byte, error) {
	folders, err := filepath.Glob(filepath.Join(root, "functions", "*"))
	if err != nil {
		return nil, fmt.Errorf("list the functions: %w", err)
	}
	packages := map[string][]string{}
	lists := map[string][]byte{}
	for _, folder := range folders {
		function := filepath.Base(folder)
		if packages[function], err = imports(ctx, root, function); err != nil {
			return nil, fmt.Errorf("list the packages of %s: %w", function, err)
		}
		if err := tidy(ctx, root, function, packages[function], lists); err != nil {
			return nil, fmt.Errorf("list the modules of %s: %w", function, err)
		}
	}
	list, err := json.MarshalIndent(packages, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the package list: %w", err)
	}
	lists[PackageList] = append(list, '\n')
	return lists, nil
}

// imports returns the folders of the packages of this module that a Cloud Function imports, sorted.
func imports(ctx context.Context, root, function string) ([]string, error) {
	entrypoint := "functions/" + function + "/cloudfunction"
	out, err := run(ctx, root, "list", "-deps", "-f",
		"{{with .Module}}{{if .Main}}{{.Path}} {{$.ImportPath}}{{end}}{{end}}", "./"+entrypoint)
	if err != nil {
		return nil, err
	}
	folders := []string{}
	for line := range strings.Lines(string(out)) {
		module, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if folder := strings.TrimPrefix(path, module+"/"); folder != entrypoint {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return folders, nil
}

// tidy puts a go.mod and go.sum into lists that are only for a function's sources. The versions are
// those of the repository.
func tidy(ctx context.Context, root, function string, packages []string, lists map[string][]byte) error {
	dir, err := os.MkdirTemp("", "gemhook-modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := sources(root, function, packages)
	if err != nil {
		return err
	}
	files["go.mod"], files["go.sum"] = "go.mod", "go.sum"
	for name, path := range files {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	// Tools are for whoever works on the repository.
	var tools struct{ Tool []struct{ Path string } }
	out, err := run(ctx, dir, "mod", "edit", "-json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, &tools); err != nil {
		return fmt.Errorf("read go.mod: %w", err)
	}
	for _, tool := range tools.Tool {
		if _, err := run(ctx, dir, "mod", "edit", "-droptool="+tool.Path); err != nil {
			return err
		}
	}
	if _, err := run(ctx, dir, "mod", "tidy"); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		lists[moduleFile(function, name)] = content
	}
	return nil
}

// run runs the go command in a folder, and returns what it prints.
func run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), buildEnvironment("amd64")...), "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return out, nil
}
