// Package ordeal puts receiver processes through what kills and misleads them, with Google's emulators behind them and a
// stand-in for Gemini in front, and accounts for every delivery afterwards.
//
//   - [Fleet] runs the processes, each in a place of its own, and has another one in that place as soon as one dies.
//   - [Sender] signs and delivers, to all places in turn, until each delivery is acknowledged.
//   - The package wire stands between the processes and a backend and breaks connections at chosen points of a call.
//   - [Inbox] reads the real subscriptions.
//   - [Account] compares what was sent and acknowledged with what is on the topic: [Account.Tally].
//
// The program that a fleet runs is in the folder mortal: the app that is deployed, which can also kill itself at a named
// point of a delivery, and do wrong on purpose so that it can be seen that the account notices.
package faulttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gemhook/gemhook/internal/standin"
	"github.com/gemhook/gemhook/shared/tenant"
)

const (
	dynamicKey = "the-dynamic-key-of-the-ordeal"
	tenantName = "acme"
	audience   = "gemhook-ordeal"
)

var dynamicPath = tenant.ParseKeys(dynamicKey)[0].Path(tenantName)

// Lease is that of the fleets' ledgers, the shortest that the configuration takes: what a crash holds up is held up so long.
const Lease = 10500 * time.Millisecond

// Build builds the fleets' program into a folder and returns its path.
func Build(ctx context.Context, folder string) (string, error) {
	path := filepath.Join(folder, "mortal")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/gemhook/gemhook/internal/faulttest/mortal")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the receiver: %w\n%s", err, output)
	}
	return path, nil
}

// A Gemini is the stand-in's keys, and the key set that it serves.
type Gemini struct {
	*standin.Server
	Keys   *standin.Keys
	served *httptest.Server
}

// NewGemini makes keys and serves the key set. Close it at the end.
func NewGemini() (*Gemini, error) {
	keys, err := standin.NewKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	server := standin.NewServer(keys)
	return &Gemini{server, keys, httptest.NewServer(server)}, nil
}

// Close ends the serving.
func (g *Gemini) Close() { g.served.Close() }

// Environment is that of a receiver process for a backend, whose services it reaches at those addresses, and this sender.
// It has a defect, unless that is empty.
func (g *Gemini) Environment(b *Backend, firestore, pubSub, defect string) []string {
	return append(os.Environ(),
		"GOOGLE_CLOUD_PROJECT="+b.Project,
		"GEMHOOK_TOPIC="+topicID,
		"GEMHOOK_DEAD_LETTER_TOPIC="+deadLetterTopicID,
		"GEMHOOK_SIGNING_SECRETS="+strings.Join(g.Keys.Secrets, " "),
		"GEMHOOK_DYNAMIC_KEYS="+dynamicKey,
		"GEMHOOK_JWKS_URL="+g.served.URL+standin.JWKSPath,
		"GEMHOOK_JWT_AUDIENCE="+audience,
		"GEMHOOK_LEASE="+Lease.String(),
		"LOG_LEVEL=error",
		"FIRESTORE_EMULATOR_HOST=", "PUBSUB_EMULATOR_HOST=",
		"MORTAL_FIRESTORE="+firestore, "MORTAL_PUBSUB="+pubSub, "MORTAL_DEFECT="+defect,
	)
}
