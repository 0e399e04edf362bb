variable "project_id" {
  description = "Project of the secrets and the subscription."
  type        = string
}

variable "name" {
  description = "Name to give the webhook at Gemini."
  type        = string
}

variable "base_url" {
  description = "URL of the receiver, without a slash at its end."
  type        = string

  validation {
    condition     = can(regex("^https://[^[:space:]']*[^/[:space:]']$", var.base_url))
    error_message = "Write base_url as an https URL without a slash at its end."
  }
}

variable "tenants" {
  description = "Tenants whose dynamic URLs are wanted."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for tenant in var.tenants : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", tenant))])
    error_message = "Write tenants with up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen, such as \"acme\"."
  }
}

variable "event_types" {
  description = "Event types that the webhook subscribes to."
  type        = list(string)
  default = [
    "batch.succeeded", "batch.cancelled", "batch.expired", "batch.failed",
    "interaction.requires_action", "interaction.completed", "interaction.failed", "interaction.cancelled",
    "video.generated",
  ]
  nullable = false
}

variable "signing_secrets" {
  description = "Id of the secret for the webhook's signing secrets."
  type        = string
}

variable "dynamic_keys" {
  description = "Id of the secret with the keys of dynamic URLs."
  type        = string
}

variable "subscription" {
  description = "Id of a subscription on which the events can be seen."
  type        = string
}
