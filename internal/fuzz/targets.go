package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// target is one fuzz target.
type target struct {
	name   string
	folder string // of its package, from the root of the module
}

// list finds the fuzz targets of a module whose names match, in the order of their packages and files. It reads the
// sources, which is quicker than building every test to ask it.
func list(ctx context.Context, root string, wanted *regexp.Regexp) ([]target, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "go", "list", "-json=Dir,TestGoFiles,XTestGoFiles", "./...")
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var targets []target
	for packages := json.NewDecoder(strings.NewReader(string(output))); ; {
		var found struct {
			Dir                       string
			TestGoFiles, XTestGoFiles []string
		}
		if err := packages.Decode(&found); err == io.EOF {
			return targets, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		folder, err := filepath.Rel(root, found.Dir)
		if err != nil {
			return nil, err
		}
		for _, file := range append(found.TestGoFiles, found.XTestGoFiles...) {
			names, err := targetsIn(filepath.Join(found.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if wanted.MatchString(name) {
					targets = append(targets, target{name, folder})
				}
			}
		}
	}
}

// targetsIn returns the names of the functions of a test file that go test would fuzz.
func targetsIn(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	var names []string
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Fuzz") && takesF(function.Type.Params.List) {
			names = append(names, function.Name.Name)
		}
	}
	return names, nil
}

// takesF tells whether the parameters are one *testing.F.
func takesF(parameters []*ast.Field) bool {
	if len(parameters) != 1 {
		return false
	}
	pointer, ok := parameters[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	selector, ok := pointer.X.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "F"
}
