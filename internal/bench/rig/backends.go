package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/shared/ledger"
)

const (
	project           = "gemhook-bench"
	topicID           = "gemini-events"
	deadLetterTopicID = "gemini-dead-letters"
	collection        = "deliveries"
)

// Backends are the emulators, and clients of this process's own for the raw calls.
type Backends struct {
	env       []string
	documents *firestore.Client
	messages  *pubsub.Client
}

// connect makes clients and both topics. The topics have no subscription: the emulator keeps no message.
func connect(ctx context.Context, firestoreHost, pubsubHost string) (*Backends, error) {
	b := &Backends{env: []string{"FIRESTORE_EMULATOR_HOST=" + firestoreHost, "PUBSUB_EMULATOR_HOST=" + pubsubHost}}
	// The clients find emulators by the environment only.
	err := errors.Join(os.Setenv("FIRESTORE_EMULATOR_HOST", firestoreHost), os.Setenv("PUBSUB_EMULATOR_HOST", pubsubHost))
	if err != nil {
		return nil, err
	}
	if b.documents, err = firestore.NewClient(ctx, project); err != nil {
		return nil, err
	}
	if b.messages, err = pubsub.NewClient(ctx, project); err != nil {
		return nil, err
	}
	for _, id := range []string{topicID, deadLetterTopicID} {
		_, err := b.messages.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName(id)})
		if err != nil {
			return nil, fmt.Errorf("create topic: %w", err)
		}
	}
	return b, nil
}

func (b *Backends) close() { _, _ = b.documents.Close(), b.messages.Close() }

func topicName(id string) string { return "projects/" + project + "/topics/" + id }

// Environment is what a receiver needs to work with these backends and verify what sender signs.
func (b *Backends) Environment(sender *Sender) []string {
	return append([]string{
		"GOOGLE_CLOUD_PROJECT=" + project,
		"GEMHOOK_TOPIC=" + topicID,
		"GEMHOOK_DEAD_LETTER_TOPIC=" + deadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS=" + sender.Secret(),
	}, b.env...)
}

// Raw makes the three calls that an accepted delivery costs, and nothing else: create the document, publish the message,
// update the document if it has not changed. The document and the message are those that a receiver would write.
func (b *Backends) Raw(ctx context.Context, d *Prepared) error {
	document := b.documents.Collection(collection).Doc(d.Key)
	written, err := document.Create(ctx, d.Document)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	answer, err := b.messages.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{
		Topic:    topicName(topicID),
		Messages: []*pubsubpb.PubsubMessage{{Data: d.Document.Payload, Attributes: d.Document.Attributes}},
	})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	_, err = document.Update(ctx, []firestore.Update{
		{Path: "state", Value: ledger.Published},
		{Path: "message_id", Value: answer.GetMessageIds()[0]},
		{Path: "settled_at", Value: time.Now()},
	}, firestore.LastUpdateTime(written.UpdateTime))
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// Documents returns all documents that were written, in no particular order.
func (b *Backends) Documents(ctx context.Context) ([]map[string]any, error) {
	snapshots, err := b.documents.Collection(collection).Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	var all []map[string]any
	for _, snapshot := range snapshots {
		all = append(all, snapshot.Data())
	}
	return all, nil
}
