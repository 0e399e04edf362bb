package backend_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/internal/testkit"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/secret"
	"github.com/gemhook/gemhook/shared/topic"
)

// words are keys for tests: well formed if they begin with "key".
func words(t *testing.T, place string) backend.Keys[[]string] {
	t.Helper()
	ref, err := secret.ParseRef(place)
	if err != nil {
		t.Fatal(err)
	}
	return backend.Keys[[]string]{
		Variable: "WORDS", Ref: ref, What: "words",
		Parse: func(text string) (good []string, err error) {
			for _, word := range strings.Fields(text) {
				if strings.HasPrefix(word, "key") {
					good = append(good, word)
				} else {
					err = errors.New("a word is malformed")
				}
			}
			return good, err
		},
		IsEmpty: func(words []string) bool { return len(words) == 0 },
	}
}

// Well-formed keys are in use, malformed ones are logged by their place, and none is an error.
func TestOpenKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		place, content string
		want           string // the keys
		fails          string // in the error
		logs           string
	}{
		"all good":        {"file:", "key1 key2", "key1 key2", "", ""},
		"one malformed":   {"file:", "key1 lock", "key1", "", "some words are malformed and not in use"},
		"none good":       {"file:", "lock", "", "a word is malformed", "reading the words"},
		"empty":           {"file:", "", "", "there is no key in it", "reading the words"},
		"in the variable": {"key3", "", "key3", "", ""},
		"not set":         {"", "", "", "WORDS is not set", "reading the words"},
		"no such file":    {"file:missing", "", "", "no such file", "reading the words"},
	} {
		t.Run(name, func(t *testing.T) {
			place := test.place
			if place == "file:" {
				path := filepath.Join(t.TempDir(), "keys")
				if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
					t.Fatal(err)
				}
				place += path
			}
			var logged testkit.Buffer
			b := backend.Open(config.Config{}, slog.New(slog.NewTextHandler(&logged, nil)), nil)
			got, err := backend.OpenKeys(b, words(t, place)).Get(t.Context())
			if test.fails == "" {
				if err != nil || strings.Join(*got, " ") != test.want {
					t.Errorf("keys %v, %v; want %s", got, err, test.want)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error %v, want one with %q", err, test.fails)
			}
			if log := logged.String(); !strings.Contains(log, test.logs) || test.logs == "" && log != "" {
				t.Errorf("log %q, want %q in it", log, test.logs)
			}
		})
	}
}

// noCredentials are those of an external account that nobody can use.
const noCredentials = `{"type":"external_account"}`

// TestWithoutCredentials wants each call to fail with the reason, and a publish to say that nothing
// was published.
func TestWithoutCredentials(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	b := backend.Open(config.Config{Project: "p", GoogleCredentials: secret.NewText(noCredentials)},
		slog.New(slog.DiscardHandler), nil)
	b.Warm()
	for name, call := range map[string]func() error{
		"claim":   func() error { _, err := b.Ledger.Claim(t.Context(), ledger.Message{}); return err },
		"settle":  func() error { return b.Ledger.Settle(t.Context(), nil, "1") },
		"release": func() error { return b.Ledger.Release(t.Context(), nil) },
		"keys": func() error {
			_, err := backend.OpenKeys(b, words(t, "projects/p/secrets/s")).Get(t.Context())
			return err
		},
		"publish": func() error {
			_, err := b.Publisher.Publish(t.Context(), "events", nil, nil)
			if !errors.Is(err, topic.ErrNotPublished) {
				t.Errorf("publish: %v, want ErrNotPublished", err)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(); err == nil || !strings.Contains(err.Error(), "find credentials") {
				t.Errorf("%v, want that there are no credentials", err)
			}
		})
	}
}

// TestEmulators wants clients to open without credentials where variables name emulators, and calls
// to fail only because the emulators are not there.
func TestEmulators(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	b := backend.Open(config.Config{Project: "p", Database: "(default)", Collection: "deliveries",
		GoogleCredentials: secret.NewText(noCredentials)}, slog.New(slog.DiscardHandler), nil)
	if _, err := b.Ledger.Open(t.Context()); err != nil {
		t.Errorf("open the ledger: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := b.Publisher.Publish(ctx, "events", []byte("{}"), nil)
	if err == nil || strings.Contains(err.Error(), "find credentials") {
		t.Errorf("publish: %v, want an error of the connection", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestSecretManager reads keys from a Secret Manager that refuses, and wants its answer.
func TestSecretManager(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer() // answers every call with Unimplemented
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	b := backend.Open(config.Config{}, slog.New(slog.DiscardHandler), &backend.Options{
		Anonymous: true,
		SecretManager: []option.ClientOption{
			option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		},
	})
	defer b.Close()
	_, err = backend.OpenKeys(b, words(t, "projects/p/secrets/s")).Get(t.Context())
	if err == nil || !strings.Contains(err.Error(), "access projects/p/secrets/s/versions/latest") {
		t.Errorf("error %v, want that of the access", err)
	}
}

// TestStore wants a store from the options to take the place of Firestore.
func TestStore(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	b := backend.Open(config.Config{Lease: time.Minute, Retention: 48 * time.Hour}, slog.New(slog.DiscardHandler),
		&backend.Options{Store: memoryledger.New(), Now: func() time.Time { return start }})
	message := ledger.Message{Key: ledger.StaticKey("msg_1"), WebhookID: "msg_1", Topic: "events"}
	first, err := b.Ledger.Claim(t.Context(), message)
	if err != nil || first.Standing != ledger.Mine {
		t.Fatalf("Claim = %+v, %v; want the claim", first, err)
	}
	if left := first.Claim.TimeLeft(b.Now()); left != time.Minute-ledger.MaxClockSkew-ledger.MaxTransit {
		t.Errorf("the claim has %s left, want that of the lease in the configuration", left)
	}
	if err := b.Ledger.Release(t.Context(), first.Claim); err != nil {
		t.Fatal(err)
	}
	second, err := b.Ledger.Claim(t.Context(), message)
	if err != nil || second.Standing != ledger.Mine {
		t.Fatalf("Claim = %+v, %v; want it released", second, err)
	}
	if err := b.Ledger.Settle(t.Context(), second.Claim, "7"); err != nil {
		t.Fatal(err)
	}
	opened, err := b.Ledger.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if third, err := opened.Claim(t.Context(), message); err != nil || third.Standing != ledger.Settled {
		t.Errorf("Claim = %+v, %v; want it settled", third, err)
	}
}

// An emulator needs no credentials; Google's services do.
func TestClientOptions(t *testing.T) {
	t.Setenv("AN_EMULATOR_HOST", "127.0.0.1:1")
	without := config.Config{GoogleCredentials: secret.NewText(noCredentials)}
	for name, test := range map[string]struct {
		options  *backend.Options
		emulator string
		fails    bool
	}{
		"an emulator": {nil, "AN_EMULATOR_HOST", false},
		"no emulator": {nil, "ANOTHER_EMULATOR_HOST", true},
		"never any":   {nil, "", true},
		"anonymous":   {&backend.Options{Anonymous: true}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := backend.Open(without, slog.New(slog.DiscardHandler), test.options).ClientOptions(t.Context(), test.emulator, nil)
			if failed := err != nil; failed != test.fails {
				t.Errorf("error %v; want one: %t", err, test.fails)
			}
		})
	}
}

// Close closes everything once, and reports what fails.
func TestClose(t *testing.T) {
	t.Parallel()
	b := backend.Open(config.Config{}, slog.New(slog.DiscardHandler), nil)
	closed, refuses := 0, errors.New("refuses")
	b.OnClose(closerFunc(func() error { closed++; return refuses }))
	b.OnClose(closerFunc(func() error { closed++; return nil }))
	if err := b.Close(); !errors.Is(err, refuses) || closed != 2 {
		t.Errorf("Close: %v after %d, want the error and both closed", err, closed)
	}
	if err := b.Close(); err != nil || closed != 2 {
		t.Errorf("Close again: %v after %d", err, closed)
	}
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }
