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
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub: %w", err)
	}
	started.add(client.Close)
	if err := createSubscription(ctx, client, topicID, topicID+pushTail); err != nil {
		return fmt.Errorf("make the subscription of collect: %w", err)
	}
	pushing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	started.add(func() error { cancel(); <-ended; return nil })
	go func() {
		defer close(ended)
		err := client.Subscriber(topicID+pushTail).Receive(pushing, func(ctx context.Context, m *pubsub.Message) {
			if err := pushOne(ctx, url, token, m); err != nil {
				fmt.Fprintf(w.log, "push to collect: %v\n", err)
				m.Nack()
				return
			}
			m.Ack()
		})
		if err != nil {
			fmt.Fprintf(w.log, "receive for collect: %v\n", err)
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
