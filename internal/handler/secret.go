package handler

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/webhook"
)

// SecretFile is the name of the file with the local secret, in the folder of gemhook dev.
const SecretFile = "local-secret"

// LoadSecret returns the local secret in a folder: the signing secret by which a handler verifies
// what it gets in the form Gemini. At first it makes it, and the folder if need be, which git then
// ignores; from then on it is the same. Processes that do so at once get the same one.
func LoadSecret(folder string, rand io.Reader) (string, error) {
	path := filepath.Join(folder, SecretFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeSecret(folder, path, rand); err == nil {
			text, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return "", fmt.Errorf("read the local secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if _, err := webhook.ParseSecret(secret); err != nil {
		return "", fmt.Errorf("the local secret in %s: %w; remove the file, and another is made", path, err)
	}
	return secret, nil
}

// makeSecret makes a secret at a path unless somebody else is faster. It appears there whole.
func makeSecret(folder, path string, rand io.Reader) error {
	if err := makeFolder(folder); err != nil {
		return err
	}
	secret, err := standin.NewSecret(rand)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, SecretFile+"-*") // which only its owner can read
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(secret + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// makeFolder makes a folder that only its owner can read and that git ignores. One that is there
// stays as it is.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, ".gitignore"), []byte("*\n"), 0o600)
}
