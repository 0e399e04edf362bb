variable "project_id" {
  description = "Project of Firestore, Pub/Sub and Secret Manager."
  type        = string
}

variable "backend" {
  description = "Names of what the receiver uses, as the backend module outputs them."
  type = object({
    topic             = string
    dead_letter_topic = string
    database          = string
    collection        = string
    retention         = string
    signing_secrets   = string
    dynamic_keys      = string
  })
}

variable "settings" {
  description = "How the receiver behaves. Durations are a whole number with s, m or h. jwks_url: null for Google's; jwt_audience: null switches JWT signatures off."
  type = object({
    jwks_url     = optional(string)
    jwt_audience = optional(string)
    tolerance    = optional(string, "5m")
    lease        = optional(string, "60s")
    max_body     = optional(number, 262144)
    log_level    = optional(string, "info")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.jwks_url == null || can(regex("^https://[^[:space:]]+$", var.settings.jwks_url))
    error_message = "Write settings.jwks_url as an https URL, or leave it out for Google's key set."
  }

  validation {
    condition     = var.settings.jwt_audience == null || can(regex("^[^[:space:]]+$", var.settings.jwt_audience))
    error_message = "Write settings.jwt_audience as the audience of your JWTs, without spaces, or leave it out to switch JWT signatures off."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]{0,5}(s|m|h)$", var.settings.tolerance))
    error_message = "Write settings.tolerance as a whole number with s, m or h, such as \"5m\"."
  }

  validation {
    condition = can(regex("^[1-9][0-9]{0,5}(s|m|h)$", var.settings.lease)) && (
      endswith(var.settings.lease, "s") ? try(tonumber(trimsuffix(var.settings.lease, "s")) >= 20, false) : true
    )
    error_message = "Write settings.lease as a whole number with s, m or h, at least \"20s\": a lease has to outlast a request, clocks that disagree, and a publish whose bytes arrive late."
  }

  # A delivery's payload is kept in its ledger document, which Firestore limits to 1 MiB,
  # together with its attributes.
  validation {
    condition     = var.settings.max_body >= 1024 && var.settings.max_body <= 900000 && floor(var.settings.max_body) == var.settings.max_body
    error_message = "Write settings.max_body as a whole number of bytes from 1024 to 900000."
  }

  validation {
    condition     = contains(["debug", "info"], var.settings.log_level)
    error_message = "Write settings.log_level as \"debug\" or \"info\": metrics, alerts and dashboard are made from the info line of each delivery."
  }
}

variable "google_credentials" {
  description = "External-account JSON for a receiver outside Google Cloud; it holds no secret. Null on Google Cloud."
  type        = string
  default     = null
}
