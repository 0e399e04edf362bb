output "topic" {
  description = "Id of the topic that events are published to."
  value       = google_pubsub_topic.events.name
}

output "dead_letter_topic" {
  description = "Id of the topic for dead letters."
  value       = google_pubsub_topic.dead_letters.name
}

output "subscriptions" {
  description = "Subscriptions to the events: key to id."
  value       = { for key, s in google_pubsub_subscription.events : key => s.name }
}

output "dead_letter_subscription" {
  description = "Id of the subscription that keeps dead letters."
  value       = google_pubsub_subscription.dead_letters.name
}

output "database" {
  description = "Id of the ledger's Firestore database."
  value       = google_firestore_database.ledger.name
}

output "collection" {
  description = "Collection of the ledger's documents."
  value       = var.collection
}

output "listing" {
  description = "Whether the ledger can be listed."
  value       = var.listing
}

output "retention" {
  description = "How long the ledger remembers a delivery, as the receiver reads it."
  value       = "${var.retention_hours}h"
}

output "signing_secrets" {
  description = "Id of the secret that holds the webhook's signing secrets. It has no value until you store one."
  value       = google_secret_manager_secret.signing_secrets.secret_id
}

output "dynamic_keys" {
  description = "Id of the secret that holds the keys of dynamic URLs."
  value       = google_secret_manager_secret.dynamic_keys.secret_id
}
