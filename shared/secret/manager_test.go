package secret_test

import (
	"context"
	"errors"
	"hash/crc32"
	"net"
	"strings"
	"sync"
	"testing"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/secret"
)

type clientFunc = func(context.Context) (*secretmanager.Client, error)

// noClient is for references that need none.
func noClient(t *testing.T) clientFunc {
	return func(context.Context) (*secretmanager.Client, error) {
		t.Error("asked for a client of Secret Manager")
		return nil, errors.New("no client")
	}
}

// manager is a Secret Manager with one answer, and a record of the names it was asked for.
type manager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	answer *secretmanagerpb.AccessSecretVersionResponse
	err    error

	mu    sync.Mutex
	asked []string
}

func (m *manager) AccessSecretVersion(_ context.Context, request *secretmanagerpb.AccessSecretVersionRequest) (
	*secretmanagerpb.AccessSecretVersionResponse, error,
) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, request.GetName())
	return m.answer, m.err
}

// client serves the manager on a loopback port and returns a function that returns a client of it.
func (m *manager) client(t *testing.T) clientFunc {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, m)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	client, err := secretmanager.NewClient(t.Context(), option.WithEndpoint(listener.Addr().String()),
		option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // it may be stopped before it serves
			t.Error(err)
		}
	})
	return func(context.Context) (*secretmanager.Client, error) { return client, nil }
}

// payload returns an answer with data and a checksum, if any.
func payload(data string, checksum *int64) *secretmanagerpb.AccessSecretVersionResponse {
	return &secretmanagerpb.AccessSecretVersionResponse{
		Payload: &secretmanagerpb.SecretPayload{Data: []byte(data), DataCrc32C: checksum},
	}
}

func checksum(data string) *int64 {
	sum := int64(crc32.Checksum([]byte(data), crc32.MakeTable(crc32.Castagnoli)))
	return &sum
}

func TestReadFromSecretManager(t *testing.T) {
	t.Parallel()
	other := *checksum(hunter2) ^ 1
	const mismatch = "the data does not match its checksum"
	negative := *checksum(hunter2) - 1<<32
	ieee := int64(crc32.ChecksumIEEE([]byte(hunter2)))
	tests := []struct {
		name   string
		answer *secretmanagerpb.AccessSecretVersionResponse
		text   string
		want   string // error, after the name
	}{
		{"with a checksum", payload(hunter2, checksum(hunter2)), hunter2, ""},
		{"without a checksum", payload(hunter2, nil), hunter2, ""},
		{"with a newline", payload(hunter2+"\n", checksum(hunter2+"\n")), hunter2 + "\n", ""},
		{"with a byte order mark", payload("\ufeff"+hunter2, checksum("\ufeff"+hunter2)), hunter2, ""},
		{"of any bytes", payload("\x00\xff", checksum("\x00\xff")), "\x00\xff", ""},
		{"nothing", payload("", checksum("")), "", ""},
		{"no payload", &secretmanagerpb.AccessSecretVersionResponse{}, "", "the answer has no payload"},
		{"another checksum", payload(hunter2, &other), "", mismatch},
		{"checksum zero", payload(hunter2, new(int64)), "", mismatch},
		{"checksum beyond 32 bits", payload(hunter2, &negative), "", mismatch},
		{"checksum by another polynomial", payload(hunter2, &ieee), "", mismatch},
		{"data cut off", payload(hunter2[:7], checksum(hunter2)), "", mismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := &manager{answer: test.answer}
			text, err := parse(t, "projects/p/secrets/s/versions/7").Read(t.Context(), m.client(t))
			if test.want == "" && err != nil ||
				test.want != "" && (err == nil || err.Error() != "access projects/p/secrets/s/versions/7: "+test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if text.Reveal() != test.text {
				t.Error("another text")
			}
		})
	}
}

func TestSecretManagerIsAskedForTheLatestVersionByDefault(t *testing.T) {
	t.Parallel()
	m := &manager{answer: payload(hunter2, checksum(hunter2))}
	client := m.client(t)
	for ref, want := range map[string]string{
		"projects/p/secrets/s":                   "projects/p/secrets/s/versions/latest",
		"projects/p/secrets/s/versions/7":        "projects/p/secrets/s/versions/7",
		"projects/p/secrets/versions":            "projects/p/secrets/versions/versions/latest",
		"projects/versions/secrets/s":            "projects/versions/secrets/s/versions/latest",
		"projects/versions/secrets/s/versions/7": "projects/versions/secrets/s/versions/7",
	} {
		t.Run(ref, func(t *testing.T) {
			m.asked = nil
			if _, err := parse(t, ref).Read(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			if len(m.asked) != 1 || m.asked[0] != want {
				t.Errorf("asked for %q, want %q", m.asked, want)
			}
		})
	}
}

func TestEachReadAsksSecretManagerAgain(t *testing.T) {
	t.Parallel()
	m := &manager{answer: payload("old", nil)}
	client, ref := m.client(t), parse(t, "projects/p/secrets/s")
	for _, want := range []string{"old", "new"} {
		m.mu.Lock()
		m.answer = payload(want, nil)
		m.mu.Unlock()
		if text, err := ref.Read(t.Context(), client); err != nil || text.Reveal() != want {
			t.Errorf("another text than the %s one, or %v", want, err)
		}
	}
}

func TestReadErrorsNameTheSecret(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition} {
		t.Run(code.String(), func(t *testing.T) {
			m := &manager{err: status.Error(code, "refused")}
			text, err := parse(t, "projects/p/secrets/s").Read(t.Context(), m.client(t))
			if status.Code(err) != code || !strings.HasPrefix(err.Error(), "access projects/p/secrets/s/versions/latest: ") || text != (secret.Text{}) {
				t.Errorf("error %v, want one with the code and the name", err)
			}
		})
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := &manager{answer: payload(hunter2, nil)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := parse(t, "projects/p/secrets/s").Read(ctx, m.client(t)); status.Code(err) != codes.Canceled && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestReadWithoutAClientFails(t *testing.T) {
	t.Parallel()
	away := errors.New("no credentials")
	_, err := parse(t, "projects/p/secrets/s").Read(t.Context(), func(context.Context) (*secretmanager.Client, error) { return nil, away })
	if !errors.Is(err, away) || err.Error() != "open Secret Manager: no credentials" {
		t.Errorf("error %v", err)
	}
}
