output "url" {
  description = "URL of the function, without a slash at its end."
  value       = google_cloudfunctions2_function.function.service_config[0].uri
}

output "service" {
  description = "Name of the Cloud Run service behind the function."
  value       = google_cloudfunctions2_function.function.name
}

output "environment" {
  description = "Environment variables of the function."
  value       = google_cloudfunctions2_function.function.service_config[0].environment_variables
}
