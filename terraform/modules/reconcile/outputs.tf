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
  value       = google_service_account.reconcile.name
}

output "caller" {
  description = "E-mail address of the account whose token the schedule brings; null where AWS invokes the function."
  value       = one(google_service_account.schedule[*].email)
}

output "audience" {
  description = "Audience of that token."
  value       = local.audience
}
