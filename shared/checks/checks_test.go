package checks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/internal/memoryledger"
	"github.com/gemhook/gemhook/shared/checks"
	"github.com/gemhook/gemhook/shared/ledger"
)

// wantKind wants an error to be of one kind, or nil.
func wantKind(t *testing.T, err, want error) {
	t.Helper()
	for _, kind := range []error{checks.ErrUnreachable, checks.ErrNotPublic, checks.ErrNotGemhook, checks.ErrMissing, checks.ErrForbidden} {
		if errors.Is(err, kind) != (kind == want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"gemhook":              {200, `{"service":"gemhook","version":"1.2.3"}`, nil},
		"gemhook failing":      {503, `{"service":"gemhook","version":"1.2.3"}`, checks.ErrNotGemhook},
		"something else":       {200, `hello`, checks.ErrNotGemhook},
		"not there":            {404, ``, checks.ErrNotGemhook},
		"not public":           {403, `Forbidden`, checks.ErrNotPublic},
		"asks for credentials": {401, ``, checks.ErrNotPublic},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/" {
					t.Errorf("%s %s, want GET /", r.Method, r.URL.Path)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			version, err := checks.Receiver(t.Context(), server.Client(), server.URL)
			wantKind(t, err, test.want)
			if (err == nil) != (test.want == nil) || err == nil && version != "1.2.3" {
				t.Errorf("version %q, error %v", version, err)
			}
		})
	}
	t.Run("nothing answers", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		_, err := checks.Receiver(t.Context(), http.DefaultClient, server.URL)
		wantKind(t, err, checks.ErrUnreachable)
	})
}

// topics has the topic events, whose look-ups fail with err.
type topics struct{ err error }

func (f topics) GetTopic(_ context.Context, request *pubsubpb.GetTopicRequest, _ ...gax.CallOption) (*pubsubpb.Topic, error) {
	if request.Topic != "projects/p/topics/events" {
		return nil, errors.New("asked for " + request.Topic)
	}
	return &pubsubpb.Topic{}, f.err
}

// documents is a store whose reads fail.
type documents struct {
	ledger.Store
	err error
}

func (f documents) Read(context.Context, ledger.Key) (*ledger.Document, ledger.Version, error) {
	return nil, ledger.Version{}, f.err
}

// The error of a call says whether the topic or the ledger is missing, or may not be used.
func TestBackends(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]error{
		codes.NotFound: checks.ErrMissing, codes.PermissionDenied: checks.ErrForbidden, codes.Unavailable: nil,
	} {
		away := status.Error(code, "as the test says")
		for what, err := range map[string]error{
			"topic":  checks.Topic(t.Context(), topics{away}, "p", "events"),
			"ledger": checks.Ledger(t.Context(), documents{err: away}, "(default)"),
		} {
			t.Run(what+" "+code.String(), func(t *testing.T) {
				wantKind(t, err, want)
				if err == nil || !strings.Contains(err.Error(), what) && !strings.Contains(err.Error(), "database") {
					t.Errorf("error %v does not say what was looked at", err)
				}
			})
		}
	}
	if err := checks.Topic(t.Context(), topics{}, "p", "events"); err != nil {
		t.Errorf("a topic that is there: %v", err)
	}
	if err := checks.Ledger(t.Context(), memoryledger.New(), "(default)"); err != nil {
		t.Errorf("an empty ledger: %v", err)
	}
}
