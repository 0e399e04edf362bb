// Package pack makes the archives that the platforms take the receiver as:
// sources for the Go buildpack of Cloud Functions, a program for Lambda.
//
// Both are reproducible: the same tree and the same version of Go give the same
// bytes, on any machine and in any folder. So an archive's hash tells whether
// there is anything to deploy, and anyone can check what runs against the
// source it claims to come from.
package pack

import (
	"archive/zip"
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

// cloudFunction is the folder of the Cloud Function's entry point.
const cloudFunction = "functions/receive/cloudfunction"

// shared is the folder of the packages that the functions share.
const shared = "shared"

// CloudFunctionFiles lists what the Cloud Function is built from: its name in
// the archive to its path below root, both with forward slashes.
//
// The Go buildpack wants the function's package at the archive's root, beside
// go.mod; the shared packages keep their own paths, and with them their import
// paths. Tests and the folders of test helpers, whose names end in "test",
// stay out. The Terraform module terraform/modules/source has the same rule.
func CloudFunctionFiles(root string) (map[string]string, error) {
	files := make(map[string]string)
	for _, name := range []string{"go.mod", "go.sum"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return nil, fmt.Errorf("list the cloud function's files: %w", err)
		}
		files[name] = name
	}

	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(cloudFunction)))
	if err != nil {
		return nil, fmt.Errorf("list the cloud function's files: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() && isSource(entry.Name()) {
			files[entry.Name()] = cloudFunction + "/" + entry.Name()
		}
	}

	err = fs.WalkDir(os.DirFS(root), shared, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasSuffix(entry.Name(), "test"):
			return fs.SkipDir
		case !entry.IsDir() && isSource(entry.Name()):
			files[path] = path
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the cloud function's files: %w", err)
	}
	return files, nil
}

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// WriteCloudFunction writes the archive of the Cloud Function in the
// repository at root.
func WriteCloudFunction(w io.Writer, root string) error {
	files, err := CloudFunctionFiles(root)
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

// modified is the time of every file in an archive: the earliest that the
// format can express.
var modified = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// add copies the file at path into the archive; of its metadata, nothing.
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
