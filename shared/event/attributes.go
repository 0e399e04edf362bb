package event

import (
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gemhook/gemhook/shared/webhook"
)

// Pub/Sub's limits for attributes (https://cloud.google.com/pubsub/quotas#resource_limits); lengths in bytes.
const (
	maxAttributes = 100
	maxKey        = 256
	maxValue      = 1024
)

// reserved attributes are left for what is added later: the mark of a redelivery.
const reserved = 1

// deadLetterType is the ce-type of a dead letter, by which the ledger knows it: ledger.DeadLetterType.
const deadLetterType = "gemhook.dead_letter"

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

// Attributes returns the attributes of an event's message. tenant is empty for a static webhook. Where user_metadata has
// more members than there is room for, those first in the order of their names are in.
func (e *Event) Attributes(delivery webhook.Delivery, tenant string) map[string]string {
	attributes := envelope(delivery, tenant, e.Type, e.time(delivery.Time()))
	attributes.putIfSet("ce-subject", e.ResourceID)
	for _, name := range slices.Sorted(maps.Keys(e.Metadata)) {
		// The prefix also keeps the key from beginning with goog, which Pub/Sub reserves.
		attributes.put("user_metadata."+name, e.Metadata[name])
	}
	return attributes
}

// DeadLetterAttributes returns the attributes of a verified delivery that is no event, and why it is none.
func DeadLetterAttributes(delivery webhook.Delivery, tenant string, reason error) map[string]string {
	attributes := envelope(delivery, tenant, deadLetterType, delivery.Time().Format(time.RFC3339))
	attributes.put("error", reason.Error())
	return attributes
}

// envelope returns what every message carries, whatever is in it.
func envelope(delivery webhook.Delivery, tenant, eventType, at string) attributes {
	from := source + "static"
	if tenant != "" {
		from = source + "dynamic/" + tenant
	}
	attributes := attributes{}
	attributes.put("ce-specversion", "1.0")
	attributes.put("ce-id", delivery.ID())
	attributes.put("ce-type", eventType)
	attributes.put("ce-source", from)
	attributes.put("ce-time", at)
	attributes.put("content-type", "application/json")
	attributes.put("ce-signaturescheme", string(delivery.Scheme()))
	attributes.putIfSet("ce-tenant", tenant)
	attributes.put("webhook-timestamp", delivery.Timestamp())
	attributes.put("webhook-signature", delivery.Signature())
	return attributes
}
