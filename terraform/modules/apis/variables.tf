variable "project_id" {
  description = "Project in which the APIs are enabled."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "Write the project's id, such as \"my-project-123\" (6 to 30 lower-case letters, digits and hyphens), not its display name or number."
  }
}

variable "services" {
  description = "APIs to enable, by service name."
  type        = set(string)

  validation {
    condition     = alltrue([for s in var.services : endswith(s, ".googleapis.com")])
    error_message = "Write each API by its full service name, such as \"pubsub.googleapis.com\"."
  }
}
