# The outputs that both clouds have. The other module links to this file.

output "project_id" {
  description = "The project, for gcloud's --project."
  value       = var.project_id
}

output "static_url" {
  description = "URL to register at Gemini."
  value       = module.registration.static_url
}

output "dynamic_urls" {
  description = "Tenant to the command that prints its dynamic URL. Not the URL itself: it holds a token, and an output is kept in the state in clear."
  value       = module.registration.dynamic_urls
}

output "topic" {
  description = "Id of the topic that events are published to."
  value       = module.backend.topic
}

output "dead_letter_topic" {
  description = "Id of the topic for dead letters."
  value       = module.backend.dead_letter_topic
}

output "subscriptions" {
  description = "Subscriptions to the events: key to id."
  value       = module.backend.subscriptions
}

output "dead_letter_subscription" {
  description = "Id of the subscription that keeps dead letters."
  value       = module.backend.dead_letter_subscription
}

output "signing_secrets" {
  description = "Id of the secret for the webhook's signing secrets."
  value       = module.backend.signing_secrets
}

output "dynamic_keys" {
  description = "Id of the secret with the keys of dynamic URLs."
  value       = module.backend.dynamic_keys
}

output "database" {
  description = "Id of the ledger's Firestore database."
  value       = module.backend.database
}

output "collection" {
  description = "Collection of the ledger's documents."
  value       = module.backend.collection
}

output "dashboard_url" {
  description = "Where the dashboard can be looked at."
  value       = module.observability.dashboard_url
}

output "next_steps" {
  description = "What to do next, with the exact commands."
  value       = module.registration.next_steps
}

output "ids" {
  description = "Full ids of what outlives every change of a setting, for grants and policies of your own."
  value       = module.backend.ids
}

output "api_keys" {
  description = "Id of the secret for Gemini API keys; null without collect and reconcile."
  value       = module.backend.api_keys
}

output "results" {
  description = "Bucket, topic and subscription for results; null without collect."
  value       = one([for collect in module.collect : { bucket = collect.bucket, topic = collect.topic, subscription = collect.subscription }])
}

output "views" {
  description = "BigQuery views that have each event once: key of the subscription to name."
  value       = module.backend.views
}
