output "topic" {
  description = "Id of the topic that events are published to."
  value       = google_pubsub_topic.events.name
}

output "dead_letter_topic" {
  description = "Id of the topic for dead letters."
  value       = google_pubsub_topic.dead_letters.name
}

output "subscriptions" {
  description = "Subscriptions to the events: key to id. Known without them, so that one that cannot be made holds up nothing else."
  value       = { for key in keys(local.subscriptions) : key => "${var.name}-${key}" }
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
  value       = google_secret_manager_secret.secret["signing_secrets"].secret_id
}

output "dynamic_keys" {
  description = "Id of the secret that holds the keys of dynamic URLs."
  value       = google_secret_manager_secret.secret["dynamic_keys"].secret_id
}

output "api_keys" {
  description = "Id of the secret for the Gemini API keys; null where no function needs one. It has no value until you store one."
  value       = try(google_secret_manager_secret.secret["api_keys"].secret_id, null)
}

output "pubsub_agent" {
  description = "Pub/Sub's service agent, as an IAM member."
  value       = time_sleep.pubsub.triggers["member"]
}

output "views" {
  description = "BigQuery views that have each event once: key of the subscription to name."
  value       = { for key in keys(local.tables) : key => "${var.project_id}.${local.dataset}.${replace(key, "-", "_")}_once" }
}

output "ids" {
  description = "Full ids of what outlives every change of a setting, for grants and policies of your own."
  value = merge(
    {
      topic             = google_pubsub_topic.events.id
      dead_letter_topic = google_pubsub_topic.dead_letters.id
      dead_letters      = google_pubsub_subscription.dead_letters.id
      ledger            = google_firestore_database.ledger.id
    },
    { for key, secret in google_secret_manager_secret.secret : key => secret.id },
  )
}
