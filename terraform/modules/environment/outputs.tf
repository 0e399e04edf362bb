output "variables" {
  description = "Environment variables of the function."
  value       = local.variables
}
