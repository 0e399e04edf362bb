package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gemhook/gemhook/internal/cli/deployment"
	"github.com/gemhook/gemhook/internal/cli/failure"
	"github.com/gemhook/gemhook/internal/dev"
)

// settingsFolder is where gemhook dev keeps its settings unless it is told otherwise.
const settingsFolder = ".gemhook"

// useSettingsFile reads the settings of gemhook dev: from the file of --env, else from that of a
// gemhook dev that runs in this folder or one above, unless the environment or Terraform has
// settings.
func (s *session) useSettingsFile() error {
	path := s.envFile
	if path == "" {
		if path = s.findSettingsFile(); path == "" {
			return nil
		}
	}
	settings, err := readSettings(path)
	if err != nil {
		return failure.WithCode(fmt.Errorf("read the settings: %w", err), failure.Settings)
	}
	inherited := s.Getenv
	s.Getenv = func(name string) string {
		if value, found := settings[name]; found {
			return value
		}
		return inherited(name)
	}
	// Google's libraries read these themselves.
	for name, value := range settings {
		if strings.HasSuffix(name, "_EMULATOR_HOST") {
			if err := s.Setenv(name, value); err != nil {
				return fmt.Errorf("use the settings: %w", err)
			}
		}
	}
	return nil
}

// findSettingsFile returns the path of the file, empty if there is none to be used.
func (s *session) findSettingsFile() string {
	if s.Folder == "" || s.terraformDir != "" || s.Getenv("GEMHOOK_TERRAFORM_DIR") != "" {
		return ""
	}
	for _, setting := range deployment.All() {
		if s.Getenv(setting.Variable()) != "" {
			return ""
		}
	}
	for folder := s.Folder; ; folder = filepath.Dir(folder) {
		path := filepath.Join(folder, settingsFolder, dev.SettingsFile)
		if _, err := os.Stat(path); err == nil {
			return path
		} else if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			return ""
		}
	}
}

// readSettings reads lines of NAME=VALUE; empty lines and those that begin with # do not count.
func readSettings(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	settings := map[string]string{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("%s: line %d is not NAME=VALUE", path, number)
		}
		settings[name] = value
	}
	return settings, lines.Err()
}
