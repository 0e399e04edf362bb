variable "project_id" {
  description = "Id of the Google Cloud project that gemhook is put into."
  type        = string
}

variable "region" {
  description = "Region of the function and, unless firestore_location says otherwise, of the ledger."
  type        = string
  default     = "us-central1"
  nullable    = false
}

variable "firestore_location" {
  description = "Where the ledger's database lies, if not in region: another region, or \"nam5\" or \"eur3\". It can never be changed."
  type        = string
  default     = null
}

variable "name" {
  description = "Begins the name of everything that is made, so that several instances fit into one project. 4 to 19 lower-case letters, digits and hyphens."
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

variable "tenant_count" {
  description = "About how many tenants have dynamic URLs, listed in tenants or not; null: as many as are listed. From 1 to 200 a metric and the dashboard show each of them; above that, gemhook tenants list does."
  type        = number
  default     = null
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
  description = "Whether the ledger's database is protected from deletion. To destroy, apply false first."
  type        = bool
  default     = true
  nullable    = false
}

variable "dynamic_key_version" {
  description = "Raise it to have a new random key made for dynamic URLs. Every dynamic URL changes with it, at once."
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
  description = "Above what to alert; the observability module describes the members."
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

variable "function" {
  description = "The function's instances and limits; the receiver module describes the members and has the defaults."
  type = object({
    cpu               = optional(string)
    memory            = optional(string)
    concurrency       = optional(number)
    min_instances     = optional(number)
    max_instances     = optional(number)
    timeout_seconds   = optional(number)
    keep_request_logs = optional(bool)
  })
  default  = {}
  nullable = false
}

variable "domain" {
  description = <<-EOT
    A domain of your own, behind a load balancer with a rate limit per source address. Null (the default) uses the function's URL.
    close_function_url refuses what comes past the load balancer; set it once every webhook is registered under the domain.
  EOT
  type = object({
    name                = string
    requests_per_minute = optional(number)
    close_function_url  = optional(bool, false)
  })
  default = null
}
