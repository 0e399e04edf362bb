// Package faulttest tests the receiver, and the reconciler after it, with what goes wrong in
// production: processes that are killed and connections that break, with Google's emulators behind
// them and a stand-in for Gemini in front. Afterwards it compares what was acknowledged with what
// is on the topic.
//
//   - [Fleet] runs receiver processes, each in a slot, and starts the next as soon as one crashes.
//   - [Sender] signs and delivers, to all slots in turn, until each delivery is acknowledged.
//   - A proxy of the test kit stands before each backend and breaks connections during calls.
//   - [Inbox] reads the topic.
//   - [Record] holds what was sent, answered and published; [Record.Tally] adds it up.
//
// [Run] does all of that for one [Trial]. The program is in the folder faultyfunction: the receiver
// or the reconciler as it is deployed, which can also kill itself at a named point of a delivery,
// and have a defect, so that the tests can show that the tally notices.
package faulttest

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gemhook/gemhook/internal/testkit/backend"
	"github.com/gemhook/gemhook/internal/testkit/gemini"
	"github.com/gemhook/gemhook/internal/testkit/process"
	"github.com/gemhook/gemhook/shared/ledger"
)

// Lease is that of the receivers' ledger, the shortest that the configuration takes: a crash delays
// the delivery that it interrupts for so long.
const Lease = ledger.MinLease

// subscriptionID is the subscription from which the inbox reads.
const subscriptionID = "faulttest"

// redelivery is after how long the emulator delivers a message again whose pull ended just as it
// was answered.
const redelivery = 10 * time.Second

// Build builds the program into a folder and returns its path.
func Build(ctx context.Context, folder string) (string, error) {
	root, err := gemini.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "faultyfunction")
	return path, process.Build(ctx, root, "./internal/faulttest/faultyfunction", path)
}

// openProject opens a project with both topics, whose events the inbox can read.
func openProject(ctx context.Context, firestore, pubSub string) (*backend.Project, error) {
	project, err := backend.Open(ctx, "faulttest", firestore, pubSub)
	if err != nil {
		return nil, err
	}
	if err := project.CreateTopic(ctx, backend.TopicID, redelivery, subscriptionID); err != nil {
		return nil, err
	}
	return project, project.CreateTopic(ctx, backend.DeadLetterTopicID, redelivery)
}

// environment is that of a receiver process which works for a project, reaches the backends at
// those addresses, and has a defect unless that is empty.
func environment(g *gemini.Gemini, project, firestore, pubSub, defect string) []string {
	set := g.Environment(project)
	set["GEMHOOK_LEASE"] = Lease.String()
	set["LOG_LEVEL"] = "error"
	set["FIRESTORE_EMULATOR_HOST"], set["PUBSUB_EMULATOR_HOST"] = "", ""
	set["FUNCTION_TARGET"] = "receive"
	set["FAULTTEST_FIRESTORE"], set["FAULTTEST_PUBSUB"], set["FAULTTEST_DEFECT"] = firestore, pubSub, defect
	return process.Environ(set)
}
