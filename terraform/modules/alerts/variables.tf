variable "name" {
  description = "Name of the installation, which begins the names of its metrics."
  type        = string
}

variable "receiver" {
  description = "The receiver's Cloud Run service, its region, its host, and the secret to name when keys are missing. Null where the receiver runs elsewhere: then there are no alerts on its log lines and answers."
  type = object({
    service         = string
    region          = string
    host            = string
    signing_secrets = string
  })
  default = null
}

variable "subscriptions" {
  description = "Subscriptions whose backlog is watched: key to id."
  type        = map(string)
}

variable "dead_letter_subscription" {
  description = "Id of the subscription that keeps dead letters."
  type        = string
}

variable "project_id" {
  description = "Project to name in commands."
  type        = string
}

variable "thresholds" {
  description = "Limits of the alerts, as the observability module describes it."
  type = object({
    signature_failures  = number
    server_errors       = number
    backlog_age_seconds = number
    no_delivery_hours   = number
    availability        = number
    latency_ms          = number
  })
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
