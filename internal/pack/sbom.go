package pack

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// A Platform is one that a function is built for.
type Platform string

// The platforms.
const (
	CloudFunction Platform = "cloudfunction"
	Lambda        Platform = "lambda"
)

// framework is what the Go buildpack of Cloud Functions adds to a function.
const framework = "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

// WriteSBOM writes the bill of materials of a function on a platform, in CycloneDX's JSON: the
// modules that its program is built from, as go version -m lists them. Like the archives it is
// reproducible, so it has neither a time nor a serial number. It needs the go command; the end of
// ctx ends it.
func WriteSBOM(ctx context.Context, w io.Writer, root, function string, platform Platform) error {
	entrypoint := "./functions/" + function + "/" + string(platform)
	packages := []string{entrypoint}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return fmt.Errorf("list the modules of %s: %w", entrypoint, err)
	}
	if platform == CloudFunction && bytes.Contains(goMod, []byte(path.Dir(framework)+" ")) {
		packages = append(packages, framework)
	}
	modules, err := modulesOf(ctx, root, packages)
	if err != nil {
		return fmt.Errorf("list the modules of %s: %w", entrypoint, err)
	}
	components := []cyclonedx.Component{}
	for _, m := range modules {
		component, err := m.component()
		if err != nil {
			return fmt.Errorf("list the modules of %s: %w", entrypoint, err)
		}
		components = append(components, component)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{
		Type: cyclonedx.ComponentTypeApplication, Name: function + "-" + string(platform),
	}}
	bom.Components = &components
	return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}

// A module is one as go list has it.
type module struct {
	Path, Version, Sum string
	Main               bool
}

// component returns the module as CycloneDX has it, with the hash of its go.sum line.
func (m module) component() (cyclonedx.Component, error) {
	url := "pkg:golang/" + m.Path + "@" + m.Version
	hash, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
	if err != nil || len(hash) == 0 {
		return cyclonedx.Component{}, fmt.Errorf("%s has no checksum of the first form: %q", m.Path, m.Sum)
	}
	return cyclonedx.Component{
		BOMRef: url, PackageURL: url, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(hash)}},
	}, nil
}

// modulesOf returns the modules whose packages are built into these, sorted, without the main
// module.
func modulesOf(ctx context.Context, root string, packages []string) ([]module, error) {
	out, err := run(ctx, root, append([]string{"list", "-deps", "-json=Module", "-tags=" + buildTags}, packages...)...)
	if err != nil {
		return nil, err
	}
	var modules []module
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct{ Module *module }
		err := decoder.Decode(&listed)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read go list's answer: %w", err)
		}
		if listed.Module != nil && !listed.Module.Main {
			modules = append(modules, *listed.Module)
		}
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(modules), nil
}
