output "url" {
  description = "URL of the function, without a slash at its end."
  value       = module.function.url
}

output "service" {
  description = "Name of the Cloud Run service behind the function."
  value       = module.function.service
}

output "service_account" {
  description = "E-mail address of the account that the receiver runs as."
  value       = google_service_account.receiver.email
}

output "environment" {
  description = "Environment variables of the function."
  value       = module.environment.variables
}
