output "environment" {
  description = "Environment variables of the function."
  value       = module.environment.variables
}

output "service_account" {
  description = "E-mail address of the account that the function runs as, once it has its grants."
  value       = trimprefix(module.access.member, "serviceAccount:")
}

output "account" {
  description = "Full name of that account, as a policy of its own refers to it."
  value       = google_service_account.collect.name
}

output "bucket" {
  description = "Name of the bucket for results."
  value       = google_storage_bucket.results.name
}

output "topic" {
  description = "Id of the topic that result messages are published to."
  value       = google_pubsub_topic.results.name
}

output "subscription" {
  description = "Id of the subscription to result messages."
  value       = google_pubsub_subscription.results.name
}

output "push_subscription" {
  description = "Id of the subscription that calls the function."
  value       = "${var.name}-collect"
}
