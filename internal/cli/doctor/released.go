package doctor

import (
	"context"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// whyReleased says what to do about a topic to which the receiver could not publish.
func (e *examination) whyReleased(ctx context.Context, id string) string {
	client, err := e.Clients.PubSub(ctx)
	if err != nil {
		return refusedAdvice(id, nil, err)
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	topic, err := client.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: "projects/" + client.Project() + "/topics/" + id})
	return refusedAdvice(id, topic, err)
}

// refusedAdvice says why a topic refuses the receiver's messages, as far as the topic's settings
// show it.
func refusedAdvice(id string, topic *pubsubpb.Topic, err error) string {
	const log = "; the receiver's log has the reason, in a line with topic_unavailable"
	switch {
	case status.Code(err) == codes.NotFound:
		return "there is no topic " + id + ": apply Terraform, or have the receiver's GEMHOOK_TOPIC and GEMHOOK_DEAD_LETTER_TOPIC name one that is there"
	case err == nil && topic.GetSchemaSettings() != nil:
		return "topic " + id + " has a schema, which refuses what does not match it: gcloud pubsub topics update " + id + " --clear-schema-settings"
	case err == nil && topic.GetKmsKeyName() != "":
		return "topic " + id + " is encrypted with a key of yours: enable the key, and give the Pub/Sub service agent\n" +
			"roles/cloudkms.cryptoKeyEncrypterDecrypter on it: " + topic.GetKmsKeyName() + "\n" +
			"If that is in order, give the receiver's account roles/pubsub.publisher on the topic" + log
	}
	return "give the receiver's account roles/pubsub.publisher on topic " + id + log
}
