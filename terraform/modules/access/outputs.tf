output "member" {
  description = "The member, once its grants can be relied on."
  value       = time_sleep.granted.triggers["member"]
}
