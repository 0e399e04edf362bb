package cli

import (
	"context"
	"errors"

	"github.com/gemhook/gemhook/internal/handler"
	"github.com/gemhook/gemhook/internal/inspect"
	"github.com/gemhook/gemhook/internal/inspect/page"
	"github.com/gemhook/gemhook/internal/inspect/tap"
	"github.com/gemhook/gemhook/internal/listen"
)

// serve serves the inspector until ctx ends, if it is asked for, and returns its URL. The function
// that it returns waits for the end.
func (l *listening) serve(ctx context.Context) (url string, wait func() error, err error) {
	if l.log == nil {
		return "", func() error { return nil }, nil
	}
	served, wait, err := page.Serve(ctx, "127.0.0.1:0", l.log, page.Options{Title: "on topic " + l.options.Topic, Send: l.send})
	if err != nil {
		return "", nil, err
	}
	return served.URL(), wait, nil
}

// record has the inspector show an attempt.
func (l *listening) record(a *listen.Attempt) {
	if l.log != nil {
		tap.Attempt(l.log, inspect.Message{
			ID: a.ID, Topic: l.options.Topic, PublishTime: a.PublishTime, Data: a.Data, Attributes: a.Attributes,
		}, a.Attempt)
	}
}

// send hands over an event of the inspector's once more, perhaps edited.
func (l *listening) send(ctx context.Context, r *inspect.Record, edit page.Edit) (string, error) {
	if len(r.Messages) == 0 {
		return "", errors.New("its message is not known")
	}
	message := r.Messages[0]
	event := handler.Event{ID: message.ID, PublishTime: message.PublishTime, Data: message.Data, Attributes: message.Attributes, Attempt: 1}
	if edit.Body != nil {
		event.Data = edit.Body
	}
	attempt := l.target.Deliver(ctx, event)
	attempt.Reason = listen.ByHand
	tap.Attempt(l.log, message, attempt)
	return "Sent to " + l.target.URL() + ": " + handler.Outcome(&attempt) + ".", nil
}
