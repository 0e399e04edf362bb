package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SettingsFile is the name of the file with the settings, in the folder. It is there while gemhook
// dev runs.
const SettingsFile = "env"

// A folder has the files of a run: secrets, settings and logs.
type folder struct {
	path string // absolute
	log  *os.File
}

// openFolder makes a folder that only its owner can read.
func openFolder(path string) (*folder, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	f := &folder{path: absolute}
	if err := f.write(".gitignore", "*\n"); err != nil {
		return nil, err
	}
	if f.log, err = os.OpenFile(f.file("log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	return f, nil
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// write writes a file that only its owner can read.
func (f *folder) write(name, text string) error {
	if err := os.WriteFile(f.file(name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeSettings writes the settings for the command line and for the user's own programs.
func (f *folder) writeSettings(settings map[string]string) error {
	var text strings.Builder
	text.WriteString("# The settings of gemhook dev, while it runs.\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s=%s\n", name, settings[name])
	}
	return f.write(SettingsFile, text.String())
}

// close closes the log, and removes the settings: nothing that they describe runs any more.
func (f *folder) close() error {
	err := os.Remove(f.file(SettingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.log.Close())
}
