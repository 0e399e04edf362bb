output "project_id" {
  description = "The project, known at plan; whatever uses it is made after its APIs answer."
  value       = time_sleep.enabled.triggers["project_id"]
}
