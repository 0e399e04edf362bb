package event

import (
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gemhook/gemhook/shared/webhook"
)

// Pub/Sub's limits for attributes (https://cloud.google.com/pubsub/quotas#resource_limits); lengths
// in bytes.
const (
	maxAttributes = 100
	maxKey        = 256
	maxValue      = 1024
)

// reserved attributes are left for what is added later: the mark of a redelivery.
const reserved = 1

// deadLetterType is the ce-type of a dead letter, by which the ledger knows it:
// ledger.DeadLetterType.
const deadLetterType = "gemhook.dead_letter"

// contentType is that of every message's data.
const contentType = "application/json"

// source begins the ce-source of every message.
const source = "//generativelanguage.googleapis.com/webhooks/"

// attributes are those of one message. Only put adds to them.
type attributes map[string]string

// put sets an attribute unless Pub/Sub would refuse it.
func (a attributes) put(key, value string) {
	switch {
	case len(a) == maxAttributes-reserved,
		len(key) > maxKey, len(value) > maxValue,
		!utf8.ValidString(key), !utf8.ValidString(value):
	default:
		a[key] = value
	}
}

func (a attributes) putIfSet(key, value string) {
	if value != "" {
		a.put(key, value)
	}
}

// Attributes returns the attributes of an event's message. tenant is empty for a static webhook.
// Where user_metadata has more members than there is room for, those first in the order of their
// names are in.
func (e *Event) Attributes(delivery webhook.Delivery, tenant string) map[string]string {
	attributes := envelope(delivery, tenant, e.Type, e.time(delivery.Time()))
	attributes.putIfSet("ce-subject", e.ResourceID)
	for _, name := range slices.Sorted(maps.Keys(e.Metadata)) {
		// The prefix also keeps the key from beginning with goog, which Pub/Sub reserves.
		attributes.put("user_metadata."+name, e.Metadata[name])
	}
	return attributes
}

// DeadLetterAttributes returns the attributes of a verified delivery that is not an event, and why
// it is none.
func DeadLetterAttributes(delivery webhook.Delivery, tenant string, reason error) map[string]string {
	attributes := envelope(delivery, tenant, deadLetterType, delivery.Time().Format(time.RFC3339))
	attributes.put("error", reason.Error())
	return attributes
}

// NoScheme is the ce-signaturescheme of an event that Gemini did not deliver.
const NoScheme = "none"

// FoundAttributes returns the attributes of the message of an event that was found at Gemini
// instead of being delivered, so that it has no signature. It is marked as a redelivery, for a
// delivery of the same event may have come, or come later.
func (e *Event) FoundAttributes(id, tenant string, at time.Time) map[string]string {
	attributes := cloudEvent(id, e.Type, tenant, e.time(at))
	attributes.put("ce-signaturescheme", NoScheme)
	attributes.put("ce-redelivered", "true")
	attributes.putIfSet("ce-subject", e.ResourceID)
	return attributes
}

// envelope returns what every message of a delivery carries, whatever is in it.
func envelope(delivery webhook.Delivery, tenant, eventType, at string) attributes {
	attributes := cloudEvent(delivery.ID(), eventType, tenant, at)
	attributes.put("ce-signaturescheme", string(delivery.Scheme()))
	attributes.put("webhook-timestamp", delivery.Timestamp())
	attributes.put("webhook-signature", delivery.Signature())
	return attributes
}

// cloudEvent returns what makes a message a CloudEvent.
func cloudEvent(id, eventType, tenant, at string) attributes {
	from := source + "static"
	if tenant != "" {
		from = source + "dynamic/" + tenant
	}
	attributes := attributes{}
	attributes.put("ce-specversion", "1.0")
	attributes.put("ce-id", id)
	attributes.put("ce-type", eventType)
	attributes.put("ce-source", from)
	attributes.put("ce-time", at)
	// Google's binding has the first name, and the CloudEvents SDK for Go reads only the second.
	attributes.put("content-type", contentType)
	attributes.put("ce-datacontenttype", contentType)
	attributes.putIfSet("ce-tenant", tenant)
	return attributes
}
