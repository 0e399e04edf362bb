output "bucket" {
  description = "Name of the bucket for the functions' sources."
  value       = google_storage_bucket.source.name
}

output "repository" {
  description = "Id of the repository for the functions' images."
  value       = google_artifact_registry_repository.images.id
}

output "service_account" {
  description = "Id of the account that builds, once its grants can be relied on."
  value       = google_service_account.build.id
  depends_on  = [time_sleep.build_granted]
}
