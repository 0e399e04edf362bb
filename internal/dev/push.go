package dev

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"cloud.google.com/go/pubsub/v2"

	"github.com/gemhook/gemhook/internal/push"
)

// push pushes the events of the topic to a URL until everything is stopped.
func (w *installation) push(ctx context.Context, url string, token func() (string, error), started *closers) error {
	return w.subscribe(ctx, topicID+pushTail, func(ctx context.Context, m *pubsub.Message) error {
		return pushOne(ctx, url, token, m)
	}, started)
}

// subscribe makes a subscription to the topic of the events, and hands over each message until
// everything is stopped. A message is handed over again after an error.
func (w *installation) subscribe(ctx context.Context, id string, handOver func(context.Context, *pubsub.Message) error, started *closers) error {
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub: %w", err)
	}
	started.add(client.Close)
	if err := createSubscription(ctx, client, topicID, id); err != nil {
		return fmt.Errorf("make the subscription %s: %w", id, err)
	}
	receiving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	started.add(func() error { cancel(); <-ended; return nil })
	go func() {
		defer close(ended)
		err := client.Subscriber(id).Receive(receiving, func(ctx context.Context, m *pubsub.Message) {
			if err := handOver(ctx, m); err != nil {
				fmt.Fprintf(w.log, "%s: message %s: %v\n", id, m.ID, err)
				m.Nack()
				return
			}
			m.Ack()
		})
		if err != nil {
			fmt.Fprintf(w.log, "receive from %s: %v\n", id, err)
		}
	}()
	return nil
}

func pushOne(ctx context.Context, url string, token func() (string, error), m *pubsub.Message) error {
	bearer, err := token()
	if err != nil {
		return err
	}
	body, err := push.Body(m.ID, m.Data, m.Attributes)
	if err != nil {
		return err
	}
	request, err := push.NewRequest(ctx, url, bearer, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
