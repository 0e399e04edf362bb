// Package pack makes the archives that the platforms take the functions as: sources for the Go
// buildpack of Cloud Functions, a program for Lambda.
//
// Both are reproducible: the same tree and the same version of Go give the same bytes, on any
// machine and in any folder. So an archive's hash says whether there is anything to deploy, and
// anyone can compare what runs with the source that it claims to come from.
package pack

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// PackageList is the file that lists, for each function, the folders of the packages that it
// imports. The Terraform module beside it reads it too. A test compares it with the imports.
const PackageList = sourceFolder + "/packages.json"

// Packages returns the package list of the repository at root: a function's name to folders, with
// forward slashes.
func Packages(root string) (map[string][]string, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(PackageList)))
	if err != nil {
		return nil, fmt.Errorf("read the package list: %w", err)
	}
	var packages map[string][]string
	if err := json.Unmarshal(content, &packages); err != nil {
		return nil, fmt.Errorf("read the package list %s: %w", PackageList, err)
	}
	return packages, nil
}

// CloudFunctionFiles lists what a Cloud Function is built from: its name in the archive to its path
// below root, both with forward slashes.
//
// The Go buildpack wants the function's package at the archive's root, beside go.mod; the packages
// that it imports keep their own paths, and with them their import paths. Tests stay out, and
// go.mod and go.sum are those of the function (see [Lists]). The Terraform module
// terraform/modules/source has the same rule.
func CloudFunctionFiles(root, function string) (map[string]string, error) {
	packages, err := Packages(root)
	if err != nil {
		return nil, err
	}
	files, err := sources(root, function, packages[function])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		files[name] = moduleFile(function, name)
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(files[name]))); err != nil {
			return nil, fmt.Errorf("list the files of %s: %w", function, err)
		}
	}
	return files, nil
}

// sources lists the Go files of a Cloud Function that imports these packages, as CloudFunctionFiles
// does.
func sources(root, function string, packages []string) (map[string]string, error) {
	files := make(map[string]string)
	entrypoint := "functions/" + function + "/cloudfunction"
	for _, folder := range append([]string{entrypoint}, packages...) {
		entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
		if err != nil {
			return nil, fmt.Errorf("list the files of %s: %w", function, err)
		}
		for _, entry := range entries {
			path := folder + "/" + entry.Name()
			switch {
			case entry.IsDir() || !isSource(entry.Name()):
			case folder == entrypoint:
				files[entry.Name()] = path
			default:
				files[path] = path
			}
		}
	}
	return files, nil
}

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// WriteCloudFunction writes the archive of a Cloud Function of the repository at root.
func WriteCloudFunction(w io.Writer, root, function string) error {
	files, err := CloudFunctionFiles(root, function)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := add(archive, name, 0o644, filepath.Join(root, filepath.FromSlash(files[name]))); err != nil {
			return fmt.Errorf("write the cloud function's archive: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write the cloud function's archive: %w", err)
	}
	return nil
}

// modified is the time of every file in an archive: the earliest that the format can express.
var modified = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// add copies the file at path into the archive, without its metadata.
func add(archive *zip.Writer, name string, mode fs.FileMode, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: modified}
	header.SetMode(mode)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
