output "url" {
  description = "URL of the function, without a slash at its end."
  value       = module.function.url
}

output "function_name" {
  description = "Name of the function."
  value       = module.function.function_name
}

output "log_group" {
  description = "Name of the function's log group."
  value       = module.function.log_group
}

output "pool" {
  description = "Workload identity pool that functions are let into: its id and its full name."
  value = {
    id   = google_iam_workload_identity_pool.aws.workload_identity_pool_id
    name = google_iam_workload_identity_pool.aws.name
  }
}

output "service_account" {
  description = "E-mail address of the Google service account that the function acts as."
  value       = google_service_account.receiver.email
}

output "environment" {
  description = "Environment variables of the function."
  value       = module.environment.variables
}
