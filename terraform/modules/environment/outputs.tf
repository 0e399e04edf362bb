output "variables" {
  description = "Environment variables of the receiver."
  value       = local.variables
}
