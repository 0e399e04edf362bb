package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// secretPrefix begins the text of every signing secret (Standard Webhooks specification).
const secretPrefix = "whsec_"

// minSecret is how many bytes a signing secret has at least (Standard Webhooks specification).
const minSecret = 24

// A Secret is the signing secret of a static webhook. It shows itself to no log and no format verb.
// The zero Secret verifies nothing.
type Secret struct{ macs *sync.Pool } // of *mac; fmt cannot look into a pool

// Secrets are the signing secrets that are active at one time.
type Secrets []Secret

// String hides the secret.
func (Secret) String() string { return "[signing secret]" }

// Format hides the secret from every verb; Stringer alone would leave it to %d.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[signing secret]") }

// ParseSecret reads a secret as Gemini shows it: "whsec_" and the key in standard base64, 24 bytes
// or more. Its error quotes nothing of it.
func ParseSecret(text string) (Secret, error) {
	if strings.ContainsAny(text, "\"'`") {
		return Secret{}, errors.New("a signing secret is written without quotes")
	}
	encoded, found := strings.CutPrefix(text, secretPrefix)
	if !found {
		return Secret{}, fmt.Errorf("a signing secret begins with %s", secretPrefix)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Secret{}, fmt.Errorf("what follows %s in a signing secret is standard base64", secretPrefix)
	}
	if len(key) < minSecret {
		return Secret{}, fmt.Errorf("a signing secret has at least %d bytes after %s", minSecret, secretPrefix)
	}
	return Secret{&sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}}, nil
}

// ParseSecrets reads any number of secrets separated by white space. It returns every one that can
// be read, and an error that names the others by their place in the text: one malformed secret does
// not put the rest out of use.
func ParseSecrets(text string) (Secrets, error) {
	var secrets Secrets
	var errs []error
	for i, field := range strings.Fields(text) {
		secret, err := ParseSecret(field)
		if err != nil {
			errs = append(errs, fmt.Errorf("secret %d: %w", i+1, err))
			continue
		}
		secrets = append(secrets, secret)
	}
	return secrets, errors.Join(errs...)
}
