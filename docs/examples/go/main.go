// Command go is a subscriber in Go: it pulls events from a Pub/Sub subscription, and acts on each
// job once.
//
//	GOOGLE_CLOUD_PROJECT=P SUBSCRIPTION=S go run ./docs/examples/go
//
// docs/consume.md says what it does and why.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// keepFor is how long ids are kept: gemhook's retention, within which a copy can be published, and
// the subscription's, within which Pub/Sub can deliver it. Both are a week unless somebody changed
// them.
const keepFor = 14 * 24 * time.Hour

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	project := os.Getenv("GOOGLE_CLOUD_PROJECT")
	documents, err := firestore.NewClient(ctx, project)
	if err != nil {
		return err
	}
	defer documents.Close()
	messages, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return err
	}
	defer messages.Close()
	s := &subscriber{documents}
	return messages.Subscriber(os.Getenv("SUBSCRIPTION")).Receive(ctx, s.receive)
}

// An event is a CloudEvent in binary mode: its attributes are the message's, its data the message's
// data.
type event struct {
	ID, Type, Source, Subject string
	Marked                    bool // it may be a copy of an earlier one
	Data                      struct {
		OutputFileURI string `json:"output_file_uri"`
		ErrorMessage  string `json:"error_message"`
	}
}

func parse(m *pubsub.Message) (*event, error) {
	if version := m.Attributes["ce-specversion"]; version != "1.0" {
		return nil, fmt.Errorf("message %s is no CloudEvent 1.0", m.ID)
	}
	e := &event{
		ID: m.Attributes["ce-id"], Type: m.Attributes["ce-type"], Source: m.Attributes["ce-source"],
		Subject: m.Attributes["ce-subject"], Marked: m.Attributes["ce-redelivered"] == "true",
	}
	var body struct{ Data any }
	body.Data = &e.Data
	return e, json.Unmarshal(m.Data, &body)
}

// key identifies what is to be done once. A batch ends once, so its name identifies it, and an
// event that reconcile has found (which has an id of its own) is the same as Gemini's. Everything
// else is known by source and id.
func (e *event) key() string {
	text := e.Source + "\n" + e.ID
	if strings.HasPrefix(e.Type, "batch.") && e.Subject != "" {
		text = e.Type + "\n" + strings.TrimPrefix(e.Subject, "batches/")
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

type subscriber struct{ documents *firestore.Client }

func (s *subscriber) receive(ctx context.Context, m *pubsub.Message) {
	e, err := parse(m)
	if err != nil {
		log.Print(err)
		m.Nack() // the subscription's dead-letter topic gets it after its attempts
		return
	}
	acted, err := s.actOnce(ctx, e)
	switch {
	case err != nil:
		log.Printf("%s (message %s): %v", e.Subject, m.ID, err)
		m.Nack() // it comes again
		return
	case acted:
		fmt.Printf("acted on %s (message %s)\n", e.Subject, m.ID)
	default:
		fmt.Printf("done before: %s (message %s)\n", e.Subject, m.ID)
	}
	m.Ack()
}

// actOnce does what is to be done about an event, unless that was done before. The work and the
// record of it are one transaction: a crash leaves both or neither.
func (s *subscriber) actOnce(ctx context.Context, e *event) (acted bool, err error) {
	record := s.documents.Collection("acted").Doc(e.key())
	if e.Marked { // look before acting; outside of the transaction, since a crash within it would leave the record locked
		if _, err := record.Get(ctx); err == nil {
			return false, nil
		} else if status.Code(err) != codes.NotFound {
			return false, err
		}
	}
	err = s.documents.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		if err := s.act(tx, e); err != nil {
			return err
		}
		// A TTL policy on expires_at deletes it.
		return tx.Create(record, map[string]any{"type": e.Type, "subject": e.Subject, "expires_at": time.Now().Add(keepFor)})
	})
	if status.Code(err) == codes.AlreadyExists {
		return false, nil // of an unmarked event: Pub/Sub delivers the same message again
	}
	return err == nil, err
}

// act is where your work goes. This one keeps a document for each job.
func (s *subscriber) act(tx *firestore.Transaction, e *event) error {
	job := s.documents.Collection("jobs").Doc(strings.ReplaceAll(e.Subject, "/", "-"))
	return tx.Set(job, map[string]any{
		"type": e.Type, "output": e.Data.OutputFileURI, "error": e.Data.ErrorMessage, "times": firestore.Increment(1),
	}, firestore.MergeAll)
}
