variable "aws_region" {
  description = "AWS region of the function."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "Write aws_region as an AWS region such as \"us-east-1\", not as a Google Cloud one or an availability zone."
  }
}

variable "firestore_location" {
  description = "Where the ledger's database lies; best the Google Cloud region nearest to aws_region. It can never be changed."
  type        = string
  default     = "us-east4"
  nullable    = false
}

variable "package" {
  description = "Path of the function's zip; null for dist/receive-lambda.zip of this repository, which scripts/package makes."
  type        = string
  default     = null
}

variable "alarm_topics" {
  description = "ARNs of the SNS topics that CloudWatch alarms are sent to."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "function" {
  description = "The function's limits; the lambda module describes the members and has the defaults."
  type = object({
    memory_mb          = optional(number)
    timeout_seconds    = optional(number)
    max_concurrency    = optional(number)
    log_retention_days = optional(number)
  })
  default  = {}
  nullable = false
}

variable "packages" {
  description = "Paths of the zips of the functions beside the receiver; null for those of dist/ of this repository, which scripts/package makes."
  type = object({
    collect   = optional(string)
    reconcile = optional(string)
  })
  default  = {}
  nullable = false
}
