// Package tenant makes and checks the capability in the URL of a dynamic endpoint.
//
// Google signs the dynamic webhooks of all its customers with the same keys, so their signatures cannot tell whose
// delivery this is. The URL does: /dynamic/{tenant}/{token}, where the token follows from the tenant's name and a key
// that only the operator has. Nothing is stored per tenant, and a new tenant needs no deployment.
package tenant

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// PathPrefix begins the path of every dynamic endpoint.
const PathPrefix = "/dynamic/"

// context separates these tokens from whatever else the key may be used for.
const context = "gemhook/dynamic/v1:"

// maxName is the longest name in bytes.
const maxName = 63

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// Valid tells whether a tenant may be called that: a letter or digit, then up to 62 letters, digits and hyphens, all
// lower case.
func Valid(tenant string) bool { return len(tenant) <= maxName && name.MatchString(tenant) }

// A Key makes tokens. It shows itself to no log and no format verb.
type Key struct{ text string }

// Keys are the keys whose tokens are accepted at one time.
type Keys []Key

// String hides the key.
func (Key) String() string { return "[dynamic key]" }

// Format hides the key from every verb; Stringer alone would leave it to %d.
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue("[dynamic key]") }

// ParseKeys reads any number of keys separated by white space. A key is the bytes of its text.
func ParseKeys(text string) Keys {
	var keys Keys
	for field := range strings.FieldsSeq(text) {
		keys = append(keys, Key{field})
	}
	return keys
}

// Token returns the token of a tenant: base64url without padding of HMAC-SHA256 over the tenant's name in its context.
func (k Key) Token(tenant string) string {
	mac := hmac.New(sha256.New, []byte(k.text))
	mac.Write([]byte(context + tenant))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Path returns the path of a tenant's endpoint. It is a secret: whoever knows it can have Gemini deliver there.
func (k Key) Path(tenant string) string { return PathPrefix + tenant + "/" + k.Token(tenant) }

// Check tells, in constant time for each key, whether one of the keys made the token for the tenant.
func (k Keys) Check(tenant, token string) bool {
	for _, key := range k {
		if hmac.Equal([]byte(key.Token(tenant)), []byte(token)) {
			return true
		}
	}
	return false
}
