package main

import (
	"slices"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// stepOf names the step of a delivery that a call is: claim, publish or settle.
func stepOf(request any) string {
	switch request := request.(type) {
	case *pubsubpb.PublishRequest:
		return "publish"
	case *firestorepb.CommitRequest:
		for _, write := range request.Writes {
			// A create has no mask; a take-over writes a lease, a settle does not.
			if write.UpdateMask == nil || slices.Contains(write.UpdateMask.FieldPaths, "lease_expires_at") {
				return "claim"
			}
		}
		return "settle"
	}
	return "call"
}
