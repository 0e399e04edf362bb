# Terraform has no variables that modules share: several of these are declared in cloudfunction and
# lambda as well.

variable "project_id" {
  description = "Project of the function and of what it uses."
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

variable "region" {
  description = "Region of the function."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "Write region as a Google Cloud region such as \"us-central1\", not as a zone or a multi-region."
  }
}

variable "labels" {
  description = "Labels of everything that can carry them."
  type        = map(string)
  default     = {}
  nullable    = false
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
  description = "How the receiver behaves; see the environment module, which checks it."
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

variable "build" {
  description = "What the function is built with, as the build module outputs it."
  type = object({
    bucket          = string
    repository      = string
    service_account = string
  })
}

variable "runtime" {
  description = "Go runtime that the function is built with; null for that of go.mod."
  type        = string
  default     = null
}

variable "cpu" {
  description = "CPUs of an instance; the cloudfunction module checks this and what follows."
  type        = string
  default     = "1"
  nullable    = false
}

variable "memory" {
  description = "Memory of an instance."
  type        = string
  default     = "512Mi"
  nullable    = false
}

variable "concurrency" {
  description = "Requests that one instance handles at a time."
  type        = number
  default     = 80
  nullable    = false
}

variable "min_instances" {
  description = "Instances kept running. 0 costs nothing while nothing comes; 1 spares the first delivery the cold start."
  type        = number
  default     = 0
  nullable    = false
}

variable "max_instances" {
  description = "Instances at most, which bounds the cost of a flood."
  type        = number
  default     = 20
  nullable    = false
}

variable "timeout_seconds" {
  description = "After how many seconds a request is cut off. The receiver itself answers within 9.5."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 10
    error_message = "Write timeout_seconds as a whole number from 10 (the receiver takes up to 9.5 s) to 3600."
  }
}

variable "ingress" {
  description = "From where the function's own URL can be reached: \"ALLOW_ALL\", or \"ALLOW_INTERNAL_AND_GCLB\" for only through a load balancer."
  type        = string
  default     = "ALLOW_ALL"
  nullable    = false
}

variable "keep_request_logs" {
  description = "Whether to keep Cloud Run's request logs, which hold the tokens of dynamic URLs in clear."
  type        = bool
  default     = false
  nullable    = false
}

variable "public_access" {
  description = "Whether to let everyone call the function."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key" {
  description = "Cloud KMS key that the function and its images are encrypted with; null for Google's own."
  type        = string
  default     = null
}
