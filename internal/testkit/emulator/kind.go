package emulator

import (
	"context"
	"strconv"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
)

// A kind is one of the emulators of the Google Cloud CLI.
type kind struct {
	name   string
	script string // below the CLI's root
	args   func(port int) []string

	// probe makes the cheapest call that shows the service at work.
	probe func(context.Context, grpc.ClientConnInterface) error
}

var firestore = kind{
	name:   "firestore",
	script: "platform/cloud-firestore-emulator/cloud_firestore_emulator",
	args: func(port int) []string {
		return []string{"start", "--host=127.0.0.1", "--port=" + strconv.Itoa(port)}
	},
	probe: func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := firestorepb.NewFirestoreClient(conn).ListDocuments(ctx,
			&firestorepb.ListDocumentsRequest{
				Parent:       "projects/probe/databases/(default)/documents",
				CollectionId: "probe",
				PageSize:     1,
			},
			grpc.WaitForReady(true))
		return err
	},
}

var pubSub = kind{
	name:   "pubsub",
	script: "platform/pubsub-emulator/bin/cloud-pubsub-emulator",
	args: func(port int) []string {
		return []string{"--host=127.0.0.1", "--port=" + strconv.Itoa(port)}
	},
	probe: func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := pubsubpb.NewPublisherClient(conn).ListTopics(ctx,
			&pubsubpb.ListTopicsRequest{Project: "projects/probe"},
			grpc.WaitForReady(true))
		return err
	},
}
