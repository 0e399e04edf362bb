variable "project_id" {
  description = "Google Cloud project of Firestore, Pub/Sub and Secret Manager."
  type        = string
}

variable "name" {
  description = "Begins the name of everything this module makes, so that several instances fit into one project and account."
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

  validation {
    condition     = fileexists(var.package)
    error_message = "There is no file at this path. Run scripts/package first, which makes dist/receive-lambda.zip, or write the path of a zip you have."
  }
}

variable "memory_mb" {
  description = "Memory of the function in MB; its share of a CPU grows with it."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "Write memory_mb as a whole number from 128 to 10240."
  }
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
  description = "Requests handled at a time, taken out of the account's limit and so bounding the cost of a flood; -1 for whatever the account has left."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = (var.max_concurrency == -1 || var.max_concurrency >= 1) && floor(var.max_concurrency) == var.max_concurrency
    error_message = "Write max_concurrency as a whole number from 1, or -1 for no limit of its own. 0 would switch the function off."
  }
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Write log_retention_days as one of the numbers CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 and some larger ones."
  }
}

variable "signature_failures_threshold" {
  description = "Above how many refused signatures in five minutes to alarm."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.signature_failures_threshold >= 0
    error_message = "Write signature_failures_threshold as a number from 0."
  }
}

variable "alarm_topics" {
  description = "ARNs of the SNS topics that alarms are sent to."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topics : can(regex("^arn:[^:]+:sns:", arn))])
    error_message = "Write each of alarm_topics as the ARN of an SNS topic, such as \"arn:aws:sns:us-east-1:123456789012:on-call\"."
  }
}
