package e2e

import (
	"context"
	"path"
	"slices"
	"sync"
	"testing"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/shared/backend"
)

// Each kind of delivery makes just these calls to Firestore and Pub/Sub, a refused one none.
func TestBackendCallsOfADelivery(t *testing.T) {
	b, g := newProject(t), newGemini(t)
	// While these are set, the clients ignore the options below.
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	t.Setenv("PUBSUB_EMULATOR_HOST", "")
	calls := &callLog{}
	r := newReceiver(t, environment(b, g, nil), &backend.Options{
		Firestore: calls.watch(b.FirestoreHost), PubSub: calls.watch(b.PubSubHost), Anonymous: true,
	})
	accepted, _ := signed(g, gemini.NewDelivery(standin.Event("batch.succeeded")), standin.SchemeV1)
	notEvent, _ := signed(g, gemini.NewDelivery([]byte("not an event")), standin.SchemeV1)
	forged := accepted
	forged.Body = []byte(`{"type":"batch.failed"}`)
	toSomeoneElse := must(g.Keys.SignV1a(gemini.NewDelivery(standin.Event("video.generated")), 0))

	for _, test := range []struct {
		name     string
		path     string
		delivery standin.Delivery
		status   int
		want     []string
	}{
		{"accepted", "/", accepted, 200, []string{"Commit", "Publish", "Commit"}},
		{"duplicate", "/", accepted, 200, []string{"Commit", "BatchGetDocuments"}},
		{"dead letter", "/", notEvent, 200, []string{"Commit", "Publish", "Commit"}},
		{"forged", "/", forged, 401, nil},
		{"forged, wrong dynamic URL", "/dynamic/acme/x", toSomeoneElse, 401, nil},
		{"dynamic", gemini.DynamicPath(), toSomeoneElse, 200, []string{"Commit", "Publish", "Commit"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls.take()
			answer := post(t, r.url+test.path, test.delivery)
			if answer.StatusCode != test.status {
				t.Errorf("answer %d %s, want %d", answer.StatusCode, answer.Body, test.status)
			}
			if got := calls.take(); !slices.Equal(got, test.want) {
				t.Errorf("calls %v, want %v", got, test.want)
			}
		})
	}
}

// callLog is a stats handler that notes every call as it begins on the wire.
type callLog struct {
	mu    sync.Mutex
	calls []string
}

// watch returns the options of a client of the emulator at host whose calls are noted.
func (l *callLog) watch(host string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(host),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithStatsHandler(l)),
	}
}

func (l *callLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.calls
	l.calls = nil
	return taken
}

func (l *callLog) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, path.Base(info.FullMethodName))
	return ctx
}

func (l *callLog) HandleRPC(context.Context, stats.RPCStats) {}

func (l *callLog) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (l *callLog) HandleConn(context.Context, stats.ConnStats) {}
