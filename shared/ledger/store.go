package ledger

import (
	"context"
	"errors"
	"time"
)

// Why a store did not do what it was asked.
var (
	ErrExists   = errors.New("the document exists")
	ErrNotFound = errors.New("the document does not exist")
	ErrChanged  = errors.New("the document has changed since")
)

// A Version identifies the contents of a document: every write that changes them gives a later one.
type Version = time.Time

// A Store keeps documents by key. Each method is one atomic step; two at the same time are as one
// after the other. With any error but those of this package, a write may or may not have happened.
type Store interface {
	// Create writes a document that must not exist, or fails with ErrExists.
	Create(ctx context.Context, key Key, document *Document) (Version, error)
	// Read returns a document that the caller may keep, or ErrNotFound.
	Read(ctx context.Context, key Key) (*Document, Version, error)
	// Replace writes a document over one that must still be of that version, or fails with
	// ErrChanged.
	Replace(ctx context.Context, key Key, version Version, document *Document) (Version, error)
	// Finish writes a claim's outcome into a document that must still be of that version, or fails
	// with ErrChanged.
	Finish(ctx context.Context, key Key, version Version, outcome Outcome) error
}

// A Document is what a ledger holds for one delivery. The tags are its field names in Firestore.
type Document struct {
	State          State     `firestore:"state"`
	Attempt        int       `firestore:"attempt"`          // how many times it was claimed
	LeaseExpiresAt time.Time `firestore:"lease_expires_at"` // until when the last claim is exclusive

	WebhookID  string `firestore:"webhook_id"`
	Tenant     string `firestore:"tenant"` // empty for a static webhook
	Scheme     string `firestore:"scheme"`
	Type       string `firestore:"type"` // empty for a dead letter
	ResourceID string `firestore:"resource_id"`

	Topic      string            `firestore:"topic"`
	Payload    []byte            `firestore:"payload"`
	Attributes map[string]string `firestore:"attributes"`

	ReceivedAt time.Time  `firestore:"received_at"` // when it was first claimed
	ExpiresAt  time.Time  `firestore:"expires_at"`  // from when a TTL policy may delete it
	SettledAt  *time.Time `firestore:"settled_at"`  // nil until it is on the topic
	MessageID  string     `firestore:"message_id"`
}

// Message returns the message that the document of a key holds.
func (d *Document) Message(key Key) Message {
	return Message{
		Key:        key,
		WebhookID:  d.WebhookID,
		Tenant:     d.Tenant,
		Scheme:     d.Scheme,
		Type:       d.Type,
		ResourceID: d.ResourceID,
		Topic:      d.Topic,
		Payload:    d.Payload,
		Attributes: d.Attributes,
	}
}

// An Outcome is how a claim ended.
type Outcome struct {
	State     State     // Published, DeadLettered or Released
	At        time.Time // when it was settled; zero if it was released
	MessageID string
}
