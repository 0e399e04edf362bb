package receive_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/app/receive"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
)

const accessToken = "the-access-token"

// tokens is a token service like Google's STS (RFC 8693), and a record of what it was asked for.
type tokens struct {
	*httptest.Server
	asked chan string // subject tokens
}

func newTokens(t *testing.T) *tokens {
	s := &tokens{asked: make(chan string, 16)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked <- r.FormValue("subject_token")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": accessToken, "token_type": "Bearer", "expires_in": 3600,
			"issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
		})
	}))
	t.Cleanup(s.Close)
	return s
}

// credentials returns those of an external account whose own token is in a file.
func (s *tokens) credentials(t *testing.T) string {
	subject := filepath.Join(t.TempDir(), "subject")
	if err := os.WriteFile(subject, []byte("the-subject-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{
		"type":               "external_account",
		"audience":           "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url":          s.URL,
		"credential_source":  map[string]string{"file": subject},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// cloud answers the calls of an accepted delivery to Firestore, Pub/Sub and Secret Manager, and
// records the access token that came with each.
type cloud struct {
	firestorepb.UnimplementedFirestoreServer
	pubsubpb.UnimplementedPublisherServer
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	secret  string
	options []option.ClientOption // of its clients

	mu     sync.Mutex
	bearer map[string]string // by method, as it was last seen
}

func newCloud(t *testing.T, secret string) *cloud {
	certified := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(certified.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	c := &cloud{secret: secret, bearer: map[string]string{}, options: []option.ClientOption{
		option.WithEndpoint(listener.Addr().String()),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, ""))),
	}}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certified.TLS.Certificates[0])), grpc.UnaryInterceptor(c.record))
	firestorepb.RegisterFirestoreServer(server, c)
	pubsubpb.RegisterPublisherServer(server, c)
	secretmanagerpb.RegisterSecretManagerServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

func (c *cloud) record(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bearer[info.FullMethod] = ""
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) == 1 {
		c.bearer[info.FullMethod] = values[0]
	}
	return handle(ctx, request)
}

func (c *cloud) Commit(context.Context, *firestorepb.CommitRequest) (*firestorepb.CommitResponse, error) {
	return &firestorepb.CommitResponse{WriteResults: []*firestorepb.WriteResult{{UpdateTime: timestamppb.Now()}}}, nil
}

func (c *cloud) Publish(context.Context, *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	return &pubsubpb.PublishResponse{MessageIds: []string{"1"}}, nil
}

func (c *cloud) AccessSecretVersion(context.Context, *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	return &secretmanagerpb.AccessSecretVersionResponse{Payload: &secretmanagerpb.SecretPayload{Data: []byte(c.secret)}}, nil
}

// An instance with credentials as on Lambda asks for an access token before there is a delivery,
// once, and all its clients use that.
func TestOneAccessTokenForAllClients(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tokens, cloud := newTokens(t), newCloud(t, keys.Secrets[0])
	configuration, err := config.Load(config.Receive, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT":       "p",
		"GEMHOOK_TOPIC":              "events",
		"GEMHOOK_DEAD_LETTER_TOPIC":  "dead-letters",
		"GEMHOOK_SIGNING_SECRETS":    "projects/p/secrets/s",
		"GEMHOOK_GOOGLE_CREDENTIALS": tokens.credentials(t),
	}))
	if err != nil {
		t.Fatal(err)
	}
	handler := receive.New(configuration, slog.New(slog.DiscardHandler), &backend.Options{
		Firestore: cloud.options, PubSub: cloud.options, SecretManager: cloud.options,
	})
	t.Cleanup(func() { _ = handler.Close() })

	// Before there is any delivery.
	if subject := <-tokens.asked; subject != "the-subject-token" {
		t.Errorf("the token service got %q", subject)
	}

	id, err := standin.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := keys.SignV1(standin.Delivery{ID: id, Time: time.Now(), Body: standin.Event("batch.succeeded")})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(signed.Body))
	request.Header = signed.Header
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		t.Errorf("the delivery was answered %d %s", answer.Code, answer.Body)
	}

	for _, method := range []string{
		"/google.firestore.v1.Firestore/Commit", "/google.pubsub.v1.Publisher/Publish",
		"/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion",
	} {
		if got := cloud.bearer[method]; got != "Bearer "+accessToken {
			t.Errorf("%s was called as %q", method, got)
		}
	}
	if more := len(tokens.asked); more != 0 {
		t.Errorf("the token service was asked %d times, want once", 1+more)
	}
}
