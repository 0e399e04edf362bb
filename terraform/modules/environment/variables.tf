variable "project_id" {
  description = "Project of Firestore, Pub/Sub and Secret Manager."
  type        = string
}

variable "function" {
  description = "Whose variables: those of \"receive\", \"collect\" or \"reconcile\"."
  type        = string
  default     = "receive"
  nullable    = false

  validation {
    condition     = contains(["receive", "collect", "reconcile"], var.function)
    error_message = "Write function as \"receive\", \"collect\" or \"reconcile\"."
  }
}

variable "backend" {
  description = "Names of what the function uses, as the backend module outputs them: topics and the first two secrets for the receiver, topics and API keys for reconcile, API keys for collect."
  type = object({
    topic             = optional(string)
    dead_letter_topic = optional(string)
    database          = string
    collection        = string
    retention         = string
    signing_secrets   = optional(string)
    dynamic_keys      = optional(string)
    api_keys          = optional(string)
  })
}

variable "caller" {
  description = "Audience and account of the token that collect and reconcile want; null where AWS invokes reconcile."
  type = object({
    audience = string
    account  = string
  })
  default = null
}

variable "collect" {
  description = "Bucket and topic for results."
  type = object({
    bucket = string
    topic  = string
  })
  default = null
}

variable "reconcile" {
  description = "URL of the receiver whose webhook is looked after; how long after its end a batch without an event counts as missed (\"0\" finds none); what the display names of such batches begin with; how many deliveries are finished in a second at most; whether Gemini is to ping the webhook once a day. Null leaves each to reconcile's own default."
  type = object({
    url         = string
    find_after  = optional(string)
    find_prefix = optional(string)
    finish_rate = optional(number)
    canary      = optional(bool)
  })
  default = null

  validation {
    condition     = can(regex("^(0|[1-9][0-9]{0,5}(s|m|h))$", coalesce(try(var.reconcile.find_after, null), "25h")))
    error_message = "Write find_after as a whole number with s, m or h, at least \"25h\", or as \"0\"."
  }
}

variable "settings" {
  description = "How the functions behave. Durations are a whole number with s, m or h. jwks_url: null for Google's; jwt_audience: null switches JWT signatures off."
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

  # A delivery's payload is kept in its ledger document, which Firestore limits to 1 MiB, together
  # with its attributes.
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
  description = "External-account JSON for a function outside Google Cloud; it holds no secret. Null on Google Cloud."
  type        = string
  default     = null
}
