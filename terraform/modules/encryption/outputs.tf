output "kms_key" {
  description = "The key, known at plan; whatever uses it is made after the services may."
  value       = time_sleep.granted.triggers["kms_key"]
}
