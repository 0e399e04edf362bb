# Terraform has no variables that modules share: several of these are declared in receiver and
# lambdafunction as well.

variable "project_id" {
  description = "Project of the function."
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

variable "function" {
  description = "Which of gemhook's functions: its folder in functions/, which is its entry point too."
  type        = string
}

variable "function_name" {
  description = "Name of the function and of the Cloud Run service behind it."
  type        = string
}

variable "description" {
  description = "What the function does, for the console."
  type        = string
}

variable "object_prefix" {
  description = "Prefix of the name of the source's object in the bucket."
  type        = string
}

variable "build" {
  description = "What the function is built with, as the build module outputs it."
  type = object({
    bucket          = string
    repository      = string
    service_account = string
  })
}

variable "service_account" {
  description = "E-mail address of the account that the function runs as, once it has its grants: an instance starts during the deployment."
  type        = string
}

variable "environment" {
  description = "Environment variables of the function."
  type        = map(string)
}

variable "runtime" {
  description = "Go runtime that the function is built with, such as \"go126\"; null for that of go.mod."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^go[1-9][0-9]{2}$", coalesce(var.runtime, "go126")))
    error_message = "Write runtime as one of Google's Go runtimes, such as \"go126\", or leave it out for that of go.mod."
  }
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = can(regex("^(0\\.(0[8-9]|[1-9][0-9]?)|1|2|4|6|8)$", var.cpu))
    error_message = "Write cpu as \"1\", \"2\", \"4\", \"6\" or \"8\", or as a fraction from \"0.08\"."
  }
}

variable "memory" {
  description = "Memory of an instance."
  type        = string
  default     = "512Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{0,4}(Mi|Gi)$", var.memory))
    error_message = "Write memory with Mi or Gi, such as \"512Mi\"."
  }
}

variable "concurrency" {
  description = "Requests that one instance handles at a time."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "Write concurrency as a whole number from 1 to 1000."
  }
}

variable "min_instances" {
  description = "Instances kept running. 0 costs nothing while nothing comes; 1 spares the first delivery the cold start."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_instances >= 0 && floor(var.min_instances) == var.min_instances
    error_message = "Write min_instances as a whole number from 0."
  }
}

variable "max_instances" {
  description = "Instances at most, which bounds the cost of a flood."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "Write max_instances as a whole number from 1 to 1000."
  }
}

variable "timeout_seconds" {
  description = "After how many seconds a request is cut off."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 10 && var.timeout_seconds <= 3600 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "Write timeout_seconds as a whole number from 10 to 3600."
  }
}

variable "ingress" {
  description = "From where the function's own URL can be reached: \"ALLOW_ALL\", or \"ALLOW_INTERNAL_AND_GCLB\" for only through a load balancer."
  type        = string
  default     = "ALLOW_ALL"
  nullable    = false

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_AND_GCLB"], var.ingress)
    error_message = "Write ingress as \"ALLOW_ALL\" or \"ALLOW_INTERNAL_AND_GCLB\"; Gemini cannot reach anything narrower."
  }
}

variable "keep_request_logs" {
  description = "Whether to keep Cloud Run's request logs, which hold the tokens of dynamic URLs in clear."
  type        = bool
  default     = false
  nullable    = false
}

variable "public_access" {
  description = "Whether to let everyone call the function. False where an organization forbids that grant; then switch off the service's invoker check by hand."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key" {
  description = "Cloud KMS key that the function and its images are encrypted with; null for Google's own."
  type        = string
  default     = null
}
