# Terraform has no variables that modules share: several of these are declared in lambda and
# cloudfunction as well.

variable "project_id" {
  description = "Google Cloud project of the workload identity pool."
  type        = string
}

variable "name" {
  description = "Prefix of the names of the function's alarms, and part of their metrics' namespace."
  type        = string
}

variable "labels" {
  description = "Tags of everything on AWS that can carry them."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "function_name" {
  description = "Name of the function, and of its role."
  type        = string
}

variable "description" {
  description = "What the function does, for the console."
  type        = string
}

variable "package" {
  description = "Path of the function's zip, as scripts/package makes it, for arm64."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "There is no file at this path. Run scripts/package first, or write the path of a zip you have."
  }
}

variable "environment" {
  description = "Environment variables of the function."
  type        = map(string)
}

variable "pool" {
  description = "Workload identity pool that the function is let into: its id and its full name."
  type = object({
    id   = string
    name = string
  })
}

variable "provider_id" {
  description = "Id of the provider in the pool, which lets in the function's role alone."
  type        = string
}

variable "account" {
  description = "Google service account that the function becomes: its full name and its e-mail address."
  type = object({
    name  = string
    email = string
  })
}

variable "has_url" {
  description = "Whether the function has a URL, which everyone can call."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarms" {
  description = "What to count in the function's log lines, and above how many in five minutes to alarm, by name."
  type = map(object({
    pattern     = string
    above       = number
    description = string
  }))
  default  = {}
  nullable = false
}

variable "errors_alarm" {
  description = "Name and description of the alarm for a function that crashes, runs out of time or cannot start."
  type = object({
    name        = string
    description = string
  })
}

variable "idle_alarm" {
  description = "Name and description of the alarm for a function that nothing has called for three hours; null for none."
  type = object({
    name        = string
    description = string
  })
  default = null
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
  description = "After how many seconds a request is cut off."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 10 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "Write timeout_seconds as a whole number from 10 to 900."
  }
}

variable "max_concurrency" {
  description = "How many requests are handled at a time, at most. It is reserved from the account's limit, and bounds the cost of a flood; -1 reserves nothing and sets no bound of its own."
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
