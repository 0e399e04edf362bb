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
  description = "Event types that the webhook subscribes to. The default is all that can be subscribed to: Gemini refuses batch.cancelled and interaction.cancelled."
  type        = list(string)
  default = [
    "batch.succeeded", "batch.expired", "batch.failed",
    "interaction.requires_action", "interaction.completed", "interaction.failed",
    "video.generated",
  ]
  nullable = false

  validation {
    condition     = length(var.event_types) > 0 && alltrue([for type in var.event_types : can(regex("^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$", type))])
    error_message = "Write event_types as Gemini writes them, such as [\"batch.succeeded\"]; leave them out for all that can be subscribed to."
  }
}

variable "signing_secrets" {
  description = "Id of the secret for the webhook's signing secrets."
  type        = string
}

variable "dynamic_keys" {
  description = "Id of the secret with the keys of dynamic URLs."
  type        = string
}

variable "topic" {
  description = "Id of the events' topic."
  type        = string
}

variable "dead_letter_topic" {
  description = "Id of the topic for dead letters."
  type        = string
}

variable "dead_letter_subscription" {
  description = "Id of the subscription that keeps dead letters."
  type        = string
}

variable "database" {
  description = "Id of the ledger's database."
  type        = string
}

variable "collection" {
  description = "Collection of the ledger's documents."
  type        = string
}

variable "gemhook" {
  description = "The command line as the printed commands call it: \"gemhook\" where it is installed, \"scripts/gemhook\" at the top of a checkout."
  type        = string
  default     = "gemhook"
  nullable    = false
}

variable "terraform_dir" {
  description = "Folder of the configuration whose outputs the command line reads, as seen from where it is run. Null: the printed commands give it the settings in environment variables instead."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", coalesce(var.terraform_dir, ".")))
    error_message = "Write terraform_dir as a path of letters, digits, dots, hyphens, underscores and slashes, such as \"terraform/gcp\"."
  }
}

variable "open_by_hand" {
  description = "Commands that open services to everyone, where Terraform may not."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "api_keys" {
  description = "Id of the secret for Gemini API keys; null where no function needs one."
  type        = string
  default     = null
}
