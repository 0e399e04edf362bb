// Package listingtest has a Firestore for tests that can refuse to list a ledger. Google's emulator
// answers any query, whether there is an index for it or not.
package listingtest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
)

// What Firestore says to a query for which there is no index.
const (
	Missing = "The query requires a COLLECTION_DESC index for collection deliveries and field received_at. " +
		"You can create it here: https://console.firebase.google.com/v1/r/project/p/firestore/indexes?create_exemption=a"
	Building = "The query requires a COLLECTION_DESC index for collection deliveries and field received_at. " +
		"That index is currently building and cannot be used yet. See its status here: https://console.firebase.google.com/v1/r/project/p/firestore/indexes"
)

// DatastoreMode is what Firestore answers to any call for a database in Datastore mode, with the
// same code.
const DatastoreMode = "The Cloud Firestore API is not available for Firestore in Datastore Mode database projects/p/databases/(default)."

// Firestore is a proxy before an emulator, which passes everything on unless it is to refuse it. It
// is safe for concurrent use.
type Firestore struct {
	Host    string // for FIRESTORE_EMULATOR_HOST
	refused atomic.Pointer[refusal]
}

// A refusal is an answer in the emulator's place.
type refusal struct {
	path string // of the calls refused; empty: all
	text string
}

// New starts a proxy before an emulator. It ends with the test.
func New(t testing.TB, emulatorHost string) *Firestore {
	t.Helper()
	cleartext := new(http.Protocols)
	cleartext.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: cleartext}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: emulatorHost})
	proxy.Transport = transport
	f := &Firestore{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		refused := f.refused.Load()
		if refused == nil || refused.path != "" && refused.path != request.URL.Path {
			proxy.ServeHTTP(out, request)
			return
		}
		out.Header().Set("Content-Type", "application/grpc")
		out.Header().Set("Grpc-Status", strconv.Itoa(int(codes.FailedPrecondition)))
		out.Header().Set("Grpc-Message", refused.text)
	}))
	server.Config.Protocols = cleartext
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections() // gRPC's clients keep theirs
		server.Close()
		transport.CloseIdleConnections()
	})
	f.Host = server.Listener.Addr().String()
	return f
}

// RefuseQueries has every query fail with codes.FailedPrecondition and a text, Missing or Building,
// from now on.
func (f *Firestore) RefuseQueries(text string) {
	f.refused.Store(&refusal{"/google.firestore.v1.Firestore/RunQuery", text})
}

// RefuseAll has every call fail with codes.FailedPrecondition and a text, DatastoreMode, from now
// on.
func (f *Firestore) RefuseAll(text string) { f.refused.Store(&refusal{text: text}) }
