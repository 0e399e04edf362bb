// Package tenant makes and checks the token in the URL of a dynamic endpoint.
//
// Google signs the dynamic webhooks of all its customers with the same keys, so a signature cannot
// say whose delivery this is. The URL does: /dynamic/{tenant}/{token}, where the token follows from
// the tenant's name and a dynamic key that only the operator has. Nothing is stored per tenant, and
// a new tenant needs no deployment.
//
// A [Key] makes tokens. [Keys] are what an operator stores: a common key for every tenant and,
// where a tenant differs, entries of its own that replace the common key or close the tenant.
package tenant

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

// PathPrefix begins the path of every dynamic endpoint.
const PathPrefix = "/dynamic/"

// KeyPrefix begins the text of every dynamic key.
const KeyPrefix = "dynkey_"

// keyBytes is how many random bytes a new key has.
const keyBytes = 32

// purpose separates these tokens from whatever else the key may be used for.
const purpose = "gemhook/dynamic/v1:"

// maxName is the longest name in bytes.
const maxName = 63

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// keyForm takes the two alphabets of RFC 4648, but not both in one key, padded or not. It is
// compiled when it is used: that takes long, and an instance without dynamic keys does not need it.
var keyForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^` + KeyPrefix + `([A-Za-z0-9+/]{32,}|[A-Za-z0-9_-]{32,})={0,2}$`)
})

// NameForm says what a tenant's name looks like, for messages.
const NameForm = "up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen"

// Valid reports whether a tenant may have that name: see [NameForm].
func Valid(tenant string) bool { return len(tenant) <= maxName && name.MatchString(tenant) }

// A Key makes tokens. No log and no format verb shows it; Reveal returns it. The zero Key is not a
// key.
type Key struct{ text string }

// ParseKey reads a dynamic key: "dynkey_" and at least 32 characters of base64 or base64url. Its
// error quotes nothing of the text.
func ParseKey(text string) (Key, error) {
	switch {
	case strings.ContainsAny(text, "\"'`"):
		return Key{}, errors.New("a dynamic key is written without quotes")
	case !strings.HasPrefix(text, KeyPrefix):
		return Key{}, errors.New("a dynamic key begins with " + KeyPrefix)
	case !keyForm().MatchString(text):
		return Key{}, errors.New("a dynamic key has at least 32 characters of base64 or base64url after " + KeyPrefix)
	}
	return Key{text}, nil
}

// GenerateKey returns a new key of 32 bytes from random.
func GenerateKey(random io.Reader) (Key, error) {
	var bytes [keyBytes]byte
	if _, err := io.ReadFull(random, bytes[:]); err != nil {
		return Key{}, fmt.Errorf("generate a dynamic key: %w", err)
	}
	return Key{KeyPrefix + base64.RawURLEncoding.EncodeToString(bytes[:])}, nil
}

// Reveal returns the text of the key.
func (k Key) Reveal() string { return k.text }

// String hides the key.
func (Key) String() string { return "[dynamic key]" }

// Format hides the key from every verb; Stringer alone would leave it to %d.
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue("[dynamic key]") }

// Token returns the token of a tenant: base64url without padding of HMAC-SHA256 over
// "gemhook/dynamic/v1:" and the tenant's name. The HMAC's key is the whole text of k.
func (k Key) Token(tenant string) string {
	mac := hmac.New(sha256.New, []byte(k.text))
	mac.Write([]byte(purpose + tenant))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Path returns the path of a tenant's endpoint. It is a secret: whoever knows it can have Gemini
// deliver there.
func (k Key) Path(tenant string) string { return PathPrefix + tenant + "/" + k.Token(tenant) }
