package probe

import (
	"context"

	"cloud.google.com/go/firestore"

	"github.com/gemhook/gemhook/shared/ledger"
	"github.com/gemhook/gemhook/shared/ledger/firestoreledger"
)

// Firestore is the [Marker] of a ledger in Firestore.
type Firestore struct {
	*firestoreledger.Store
	documents *firestore.CollectionRef
}

// NewFirestore returns the marker of the ledger in a collection. The caller closes the client.
func NewFirestore(client *firestore.Client, collection string) *Firestore {
	return &Firestore{firestoreledger.New(client, collection), client.Collection(collection)}
}

// Delete implements [Marker]. It is not an error if the document is not there.
func (f *Firestore) Delete(ctx context.Context, key ledger.Key) error {
	_, err := f.documents.Doc(string(key)).Delete(ctx)
	return err
}
