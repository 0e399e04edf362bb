variable "project_id" {
  description = "Project of the metrics, alerts and dashboard."
  type        = string
}

variable "name" {
  description = "Prefix of the names of everything that this module makes, so that several instances fit into one project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,17}[a-z0-9]$", var.name))
    error_message = "Write name with 4 to 19 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen, such as \"gemhook\"."
  }
}

variable "labels" {
  description = "Labels of everything that can carry them."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "receiver" {
  description = "The receiver's Cloud Run service, its region, the secret to name when keys are missing, and the https URL whose `GET /` is checked from outside. Null where the receiver runs elsewhere: then only what Pub/Sub shows is watched."
  type = object({
    service         = string
    region          = string
    signing_secrets = string
    url             = string
  })
  default = null
}

variable "subscriptions" {
  description = "Subscriptions whose backlog is watched: key to id."
  type        = map(string)

  validation {
    condition     = length(var.subscriptions) > 0
    error_message = "Write at least one subscription, such as { all = \"gemhook-all\" }."
  }
}

variable "dead_letter_subscription" {
  description = "Id of the subscription that keeps dead letters."
  type        = string
}

variable "tenants" {
  description = "About how many tenants have dynamic URLs. From 1 to 200 there is a metric with a label for the tenant, and a row of the dashboard; with 0 or more than 200 there is neither, since every tenant is a time series to pay for."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.tenants >= 0 && floor(var.tenants) == var.tenants
    error_message = "Write tenants as a whole number from 0."
  }
}

variable "thresholds" {
  description = "Limits above which an alert is raised: refused signatures in ten minutes; 5xx answers in half an hour; age in seconds of the oldest message not acknowledged; hours without a delivery, 1 to 23, or null for no such alert; the share of genuine deliveries that have to be answered 2xx; the milliseconds within which they have to be answered."
  type = object({
    signature_failures  = optional(number, 20)
    server_errors       = optional(number, 0)
    backlog_age_seconds = optional(number, 900)
    no_delivery_hours   = optional(number)
    availability        = optional(number, 0.99)
    latency_ms          = optional(number, 5000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for n in values(var.thresholds) : n == null || coalesce(n, 0) >= 0])
    error_message = "Write every one of thresholds as a number from 0."
  }

  validation {
    condition     = var.thresholds.no_delivery_hours == null || contains(range(1, 24), coalesce(var.thresholds.no_delivery_hours, 1))
    error_message = "Write thresholds.no_delivery_hours as a whole number from 1 to 23."
  }

  validation {
    condition     = var.thresholds.availability >= 0.5 && var.thresholds.availability < 1
    error_message = "Write thresholds.availability as a share from 0.5 to less than 1, such as 0.999."
  }
}

variable "notification_channels" {
  description = "Existing notification channels that alerts are sent to."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for c in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", c))])
    error_message = "Write each of notification_channels by its full name, \"projects/PROJECT/notificationChannels/NUMBER\", as gcloud beta monitoring channels list shows it."
  }
}

variable "notification_emails" {
  description = "E-mail addresses that alerts are sent to; a notification channel is made for each."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for e in var.notification_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", e))])
    error_message = "Write each of notification_emails as an e-mail address."
  }
}

variable "collect" {
  description = "Cloud Run service and region of collect; null where it is not on Google Cloud, or not at all."
  type = object({
    service = string
    region  = string
  })
  default = null
}

variable "reconcile" {
  description = "Cloud Run service and region of reconcile; null where it is not on Google Cloud, or not at all."
  type = object({
    service = string
    region  = string
  })
  default = null
}
