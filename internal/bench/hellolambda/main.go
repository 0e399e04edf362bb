// Command hellolambda is a Lambda function that writes one Firestore document and publishes one
// Pub/Sub message, in the simplest way. The size of gemhook's Lambda function is compared with its
// size.
package main

import (
	"context"
	"os"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	project := os.Getenv("GOOGLE_CLOUD_PROJECT")
	lambda.Start(func(ctx context.Context) (string, error) {
		documents, err := firestore.NewClient(ctx, project)
		if err != nil {
			return "", err
		}
		if _, err := documents.Collection("hellos").Doc("world").Set(ctx, map[string]string{"say": "hello"}); err != nil {
			return "", err
		}
		messages, err := pubsub.NewClient(ctx, project)
		if err != nil {
			return "", err
		}
		return messages.Publisher("hellos").Publish(ctx, &pubsub.Message{Data: []byte("hello, world")}).Get(ctx)
	})
}
