// Package checks finds out whether deliveries would succeed, without sending or publishing
// anything: that the receiver answers at its URL, and that the ledger and the topics are there and
// may be used.
//
// gemhook doctor explains the findings to a person. The reconciler enables a webhook again only if
// there are none.
package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gemhook/gemhook/shared/ledger"
)

// What is wrong, for errors.Is. Any other error of this package is that of a call which failed.
var (
	ErrUnreachable = errors.New("nothing answers")
	ErrNotPublic   = errors.New("not public")
	ErrNotGemhook  = errors.New("not gemhook")
	ErrMissing     = errors.New("missing")
	ErrForbidden   = errors.New("forbidden")
)

// A finding is an error with its own text that wraps one of those above.
type finding struct {
	is   error
	text error
}

func (f *finding) Error() string   { return f.text.Error() }
func (f *finding) Unwrap() []error { return []error{f.is, f.text} }

func find(is error, format string, args ...any) error {
	return &finding{is, fmt.Errorf(format, args...)}
}

// Receiver checks that gemhook answers at a URL, which has no slash at the end, and returns its
// version.
func Receiver(ctx context.Context, client *http.Client, receiverURL string) (version string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, receiverURL+"/", nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		if where := (*url.Error)(nil); errors.As(err, &where) {
			err = where.Err
		}
		return "", find(ErrUnreachable, "%s cannot be reached: %w", receiverURL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return "", find(ErrUnreachable, "%s cannot be reached: %w", receiverURL, err)
	}
	var who struct{ Service, Version string }
	_ = json.Unmarshal(body, &who) // an answer that is not gemhook's leaves it empty
	switch {
	case who.Service == "gemhook" && response.StatusCode == http.StatusOK:
		return who.Version, nil
	case response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusUnauthorized:
		return "", find(ErrNotPublic, "%s answers %s: it is not public", receiverURL, response.Status)
	}
	return "", find(ErrNotGemhook, "%s answers %s, and not as gemhook does", receiverURL, response.Status)
}

// A TopicGetter looks at a topic: [*pubsub.TopicAdminClient].
type TopicGetter interface {
	GetTopic(context.Context, *pubsubpb.GetTopicRequest, ...gax.CallOption) (*pubsubpb.Topic, error)
}

// Topic checks that a project has a topic.
func Topic(ctx context.Context, client TopicGetter, project, id string) error {
	_, err := client.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: "projects/" + project + "/topics/" + id})
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.NotFound:
		return find(ErrMissing, "there is no topic %s in project %s", id, project)
	case codes.PermissionDenied:
		return find(ErrForbidden, "topic %s may not be looked at: %w", id, err)
	}
	return fmt.Errorf("look at topic %s: %w", id, err)
}

// absent is a key that no delivery has.
const absent ledger.Key = "check!"

// Ledger checks that the ledger in a database can be read.
func Ledger(ctx context.Context, store ledger.Store, database string) error {
	_, _, err := store.Read(ctx, absent)
	if err == nil || errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	switch status.Code(err) {
	case codes.NotFound: // for a missing document the store returns ErrNotFound
		return find(ErrMissing, "there is no database %s: %w", database, err)
	case codes.PermissionDenied:
		return find(ErrForbidden, "the ledger may not be read: %w", err)
	}
	return fmt.Errorf("read the ledger: %w", err)
}
