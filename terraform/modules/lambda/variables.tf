# Terraform has no variables that modules share: several of these are declared in lambdafunction and
# receiver as well.

variable "project_id" {
  description = "Google Cloud project of Firestore, Pub/Sub and Secret Manager."
  type        = string
}

variable "name" {
  description = "Prefix of the names of everything that this module makes, so that several instances fit into one project and account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,17}[a-z0-9]$", var.name))
    error_message = "Write name with 4 to 19 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen, such as \"gemhook\"."
  }

  validation {
    condition     = !startswith(var.name, "gcp-")
    error_message = "Write a name that does not begin with \"gcp-\": Google keeps such workload identity pools for itself."
  }
}

variable "labels" {
  description = "Tags of everything on AWS that can carry them."
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

variable "package" {
  description = "Path of the function's zip, as scripts/package makes it: dist/receive-lambda.zip, for arm64."
  type        = string
}

variable "memory_mb" {
  description = "Memory of the function in MB; its share of a CPU grows with it."
  type        = number
  default     = 512
  nullable    = false
}

variable "timeout_seconds" {
  description = "After how many seconds a request is cut off. The receiver itself answers within 9.5."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 10 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "Write timeout_seconds as a whole number from 10 (the receiver takes up to 9.5 s) to 900."
  }
}

variable "max_concurrency" {
  description = "How many requests are handled at a time, at most. It is reserved from the account's limit, and bounds the cost of a flood; -1 reserves nothing and sets no bound of its own."
  type        = number
  default     = -1
  nullable    = false
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "alarms" {
  description = "Alarms on the receiver's log lines, as the lambdafunction module takes them."
  type = map(object({
    pattern     = string
    above       = number
    description = string
  }))
  default  = {}
  nullable = false
}

variable "errors_description" {
  description = "Description of the alarm for a receiver that crashes, runs out of time or cannot start."
  type        = string
}

variable "alarm_topics" {
  description = "ARNs of the SNS topics that alarms are sent to."
  type        = set(string)
  default     = []
  nullable    = false
}
