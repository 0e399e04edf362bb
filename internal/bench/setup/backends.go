package setup

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/shared/ledger"
)

const collection = "deliveries"

// A Backends is a project on the emulators.
type Backends struct{ *backend.Project }

// connect opens the project and makes both topics. They have no subscription: the emulator keeps no
// message.
func connect(ctx context.Context, firestoreHost, pubsubHost string) (*Backends, error) {
	project, err := backend.Open(ctx, "bench", firestoreHost, pubsubHost)
	if err != nil {
		return nil, err
	}
	for _, id := range []string{backend.TopicID, backend.DeadLetterTopicID} {
		if err := project.CreateTopic(ctx, id, 0); err != nil {
			return nil, err
		}
	}
	return &Backends{project}, nil
}

func (b *Backends) close() { _ = b.Close() }

// Environment is what a receiver needs to work with these backends and verify what sender signs.
func (b *Backends) Environment(sender *Sender) []string {
	return []string{
		"GOOGLE_CLOUD_PROJECT=" + b.ID,
		"GEMHOOK_TOPIC=" + backend.TopicID,
		"GEMHOOK_DEAD_LETTER_TOPIC=" + backend.DeadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS=" + sender.Secret(),
		"FIRESTORE_EMULATOR_HOST=" + b.FirestoreHost,
		"PUBSUB_EMULATOR_HOST=" + b.PubSubHost,
	}
}

// Raw makes the three calls that an accepted delivery costs, and nothing else: create the document,
// publish the message, update the document if it has not changed. The document and the message are
// those that a receiver would write.
func (b *Backends) Raw(ctx context.Context, d *Prepared) error {
	document := b.Project.Documents.Collection(collection).Doc(d.Key)
	written, err := document.Create(ctx, d.Document)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	answer, err := b.Messages.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{
		Topic:    b.Topic(backend.TopicID),
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

// Ledger returns all documents that were written, in no particular order.
func (b *Backends) Ledger(ctx context.Context) ([]map[string]any, error) {
	snapshots, err := b.Project.Documents.Collection(collection).Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	var all []map[string]any
	for _, snapshot := range snapshots {
		all = append(all, snapshot.Data())
	}
	return all, nil
}
