// Package gemini is Gemini for tests and for programs that developers run: the stand-in, serving
// its API and key set on loopback, with a tenant's dynamic endpoint, and what signs deliveries for
// a receiver whose settings are those of [Gemini.Environment].
package gemini

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/shared/tenant"
)

// What a receiver with [Gemini.Environment] expects of dynamic deliveries.
const (
	DynamicKey = "dynkey_b25seS1mb3ItdGhlLXRlc3RzLW9mLWdlbWhvb2s"
	Tenant     = "acme"
	Audience   = "gemhook-tests"
)

// Schemes are the signature schemes, each of which [Gemini.Sign] knows.
var Schemes = []string{standin.SchemeV1, standin.SchemeV1a, standin.SchemeJWT}

// A Gemini is the stand-in, its keys, and its address. It is safe for concurrent use.
type Gemini struct {
	*standin.Server
	Keys *standin.Keys
	URL  string // without a slash at the end

	listening *httptest.Server
}

// Start serves the stand-in with those keys. Close it at the end. Options may be nil.
func Start(keys *standin.Keys, options *standin.ServerOptions) *Gemini {
	server := standin.NewServerWithOptions(keys, options)
	listening := httptest.NewServer(server)
	return &Gemini{Server: server, Keys: keys, URL: listening.URL, listening: listening}
}

// Close ends the serving.
func (g *Gemini) Close() { g.listening.Close() }

// JWKSURL is where the key set is.
func (g *Gemini) JWKSURL() string { return g.URL + standin.JWKSPath }

// Environment returns the settings of a receiver that publishes to a project's topics what this
// Gemini signs.
func (g *Gemini) Environment(project string) map[string]string {
	return map[string]string{
		"GOOGLE_CLOUD_PROJECT":      project,
		"GEMHOOK_TOPIC":             backend.TopicID,
		"GEMHOOK_DEAD_LETTER_TOPIC": backend.DeadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS":   strings.Join(g.Keys.Secrets, " "),
		"GEMHOOK_DYNAMIC_KEYS":      DynamicKey,
		"GEMHOOK_JWKS_URL":          g.JWKSURL(),
		"GEMHOOK_JWT_AUDIENCE":      Audience,
	}
}

// DynamicPath is the path of the tenant's dynamic endpoint.
func DynamicPath() string {
	key, err := tenant.ParseKey(DynamicKey)
	if err != nil {
		panic(err) // it is a constant
	}
	return key.Path(Tenant)
}

// Path is the path of the endpoint for deliveries of a scheme.
func Path(scheme string) string {
	if scheme == standin.SchemeV1 {
		return "/"
	}
	return DynamicPath()
}

// NewDelivery returns a delivery with an id of its own, not signed.
func NewDelivery(body []byte) standin.Delivery {
	id, err := standin.NewID(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand's reader never fails
	}
	return standin.Delivery{ID: id, Time: time.Now(), Body: body}
}

// Sign signs a delivery by a scheme; tokens hold for five minutes. It panics where keys cannot
// sign, which no caller here gives it.
func Sign(keys *standin.Keys, d standin.Delivery, scheme string) standin.Delivery {
	signed, err := func() (standin.Delivery, error) {
		switch scheme {
		case standin.SchemeV1:
			return keys.SignV1(d)
		case standin.SchemeV1a:
			return keys.SignV1a(d, len(keys.Ed25519)-1)
		case standin.SchemeJWT:
			return keys.SignJWT(d, len(keys.RSA)-1, Audience, d.Time, d.Time.Add(5*time.Minute))
		}
		return d, fmt.Errorf("unknown scheme %q", scheme)
	}()
	if err != nil {
		panic(err)
	}
	return signed
}

// PublishedKeys returns the private halves of the keys of the published signature vectors: to make
// RSA keys takes seconds. It finds them in the repository that holds the working directory.
func PublishedKeys() (*standin.Keys, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "shared", "webhook", "testdata", "signing-keys.json"))
	if err != nil {
		return nil, err
	}
	return standin.ParseKeys(text)
}

// Root returns the folder of the repository that holds the working directory.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("the working directory is not in the repository")
		}
		folder = parent
	}
}
