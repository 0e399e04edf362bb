# The settings that both clouds have. The roots and the other module link to this file.

variable "project_id" {
  description = "Id of the Google Cloud project that topics, ledger and secrets are put into."
  type        = string
}

variable "name" {
  description = "Prefix of the names of everything that is made, so that several instances fit into one project. 4 to 19 lower-case letters, digits and hyphens."
  type        = string
  default     = "gemhook"
  nullable    = false
}

variable "labels" {
  description = "Labels of everything that can carry them, beside app and instance."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Write the keys and values of labels with up to 63 lower-case letters, digits, hyphens and underscores, keys beginning with a letter."
  }
}

variable "tenants" {
  description = "Tenants whose dynamic URLs you want, such as [\"acme\"]."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "event_types" {
  description = "Event types that next_steps subscribes the webhook to; null for all that can be subscribed to."
  type        = list(string)
  default     = null
}

variable "subscriptions" {
  description = "Subscriptions beside the default one, by key; the backend module describes the members. For example { batches = { types = [\"batch.*\"] } }."
  type = map(object({
    types                 = optional(list(string))
    tenants               = optional(list(string))
    user_metadata         = optional(map(string))
    ack_deadline          = optional(number)
    retention_days        = optional(number)
    max_delivery_attempts = optional(number)
    push = optional(object({
      endpoint        = string
      service_account = optional(string)
      audience        = optional(string)
      unwrap          = optional(bool)
    }))
    bigquery = optional(object({
      expiration_days = optional(number)
    }))
    cloud_storage = optional(object({
      minutes = optional(number)
    }))
  }))
  default  = {}
  nullable = false
}

variable "settings" {
  description = "How the receiver behaves; the environment module describes the members. For example { jwt_audience = \"my-audience\" }."
  type = object({
    jwks_url     = optional(string)
    jwt_audience = optional(string)
    tolerance    = optional(string)
    lease        = optional(string)
    max_body     = optional(number)
    log_level    = optional(string)
  })
  default  = {}
  nullable = false
}

variable "retention_hours" {
  description = "For how many hours the ledger remembers a delivery, so that no repeat of it is published. At least 48."
  type        = number
  default     = 168
  nullable    = false
}

variable "listing" {
  description = "Whether the ledger can be listed, as `gemhook deliveries list` does. The indexes for it cap the ledger at about 250 deliveries a second; the backend module says what false switches off."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether ledger, topics, secrets and function are protected from deletion. To destroy, apply false first."
  type        = bool
  default     = true
  nullable    = false
}

variable "dynamic_key_version" {
  description = "Raise it to have a new random key stored for dynamic URLs, alone: every dynamic URL changes at once, and the entries of single tenants are no longer in use. `gemhook tenants rotate --common` replaces the key without either."
  type        = number
  default     = 1
  nullable    = false
}

variable "notification_emails" {
  description = "E-mail addresses that alerts are sent to."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "notification_channels" {
  description = "Existing notification channels that alerts are sent to, \"projects/PROJECT/notificationChannels/NUMBER\"."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "alert_thresholds" {
  description = "Limits of the alerts; the observability module describes the members."
  type = object({
    signature_failures  = optional(number)
    server_errors       = optional(number)
    backlog_age_seconds = optional(number)
    no_delivery_hours   = optional(number)
    availability        = optional(number)
    latency_ms          = optional(number)
  })
  default  = {}
  nullable = false
}

variable "consumers" {
  description = "Who may pull from every subscription, as IAM members, such as [\"serviceAccount:worker@my-project.iam.gserviceaccount.com\"]."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "topic_retention_days" {
  description = "For how many days the topic keeps every event, so that a subscription can be set back in time; 0 to 31."
  type        = number
  default     = 31
  nullable    = false
}

variable "storage" {
  description = <<-EOT
    Where and how data is kept; null or empty leaves it to Google. data_location: of the BigQuery dataset and the buckets for archive
    and results; message_regions: where messages may be kept; secret_locations: where secrets are kept, for an organization that forbids
    automatic replication; kms_key: a Cloud KMS key of your own, in the region of everything else; audit_logs: whether Google logs each
    reading and writing of topics, ledger and secrets. Only message_regions and audit_logs can be changed later.
  EOT
  type = object({
    data_location    = optional(string)
    message_regions  = optional(set(string), [])
    secret_locations = optional(list(string), [])
    kms_key          = optional(string)
    audit_logs       = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "collect" {
  description = <<-EOT
    The function that stores what events point to: {} for its defaults, null (the default) for none. expiration_days: after how many days
    results are deleted (null keeps them); force_destroy: whether to destroy the bucket with results in it; max_instances (on Google
    Cloud) and memory_mb: of the function. Taking it off again needs force_destroy, or an empty bucket.
  EOT
  type = object({
    expiration_days = optional(number)
    force_destroy   = optional(bool)
    max_instances   = optional(number, 10)
    memory_mb       = optional(number, 512)
  })
  default = null
}

variable "reconcile" {
  description = <<-EOT
    The function that finishes what was left, turns a disabled webhook on again and finds batches whose event never came: {} for its
    defaults, null (the default) for none. every_minutes: how often, from 5 to 60; find_after: how long after its end a batch without an
    event counts as missed, at least "25h", or "0", which finds none; find_prefix: what the display names of such batches begin with; finish_rate:
    how many deliveries are finished in a second at most; canary: whether to have Gemini ping the webhook once a day, and to raise an alert where the ping does not come.
  EOT
  type = object({
    every_minutes = optional(number, 10)
    find_after    = optional(string)
    find_prefix   = optional(string)
    finish_rate   = optional(number)
    canary        = optional(bool)
  })
  default = null

  validation {
    condition     = var.reconcile == null || contains([5, 6, 10, 12, 15, 20, 30, 60], try(var.reconcile.every_minutes, 10))
    error_message = "Write reconcile.every_minutes as 5, 6, 10, 12, 15, 20, 30 or 60, which divide an hour."
  }
}
