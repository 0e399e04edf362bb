variable "project_id" {
  description = "Project of what this module makes."
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

variable "location" {
  description = "Where the bucket lies: a region, or \"US\" or \"EU\". It can never be changed."
  type        = string
}

variable "backend" {
  description = "Names of what collect uses, as the backend module outputs them."
  type = object({
    topic             = string
    dead_letter_topic = string
    database          = string
    collection        = string
    retention         = string
    api_keys          = string
  })
}

variable "pubsub_agent" {
  description = "Pub/Sub's service agent, as an IAM member."
  type        = string
}

variable "url" {
  description = "URL of the function, without a slash at its end, which Pub/Sub pushes to."
  type        = string
}

variable "expiration_days" {
  description = "After how many days results are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1 && floor(var.expiration_days) == var.expiration_days, false)
    error_message = "Write expiration_days as a whole number from 1, or leave it out to keep results."
  }
}

variable "force_destroy" {
  description = "Whether to destroy the bucket with the results in it."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether bucket, topic and subscription for results are protected from deletion."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key" {
  description = "Cloud KMS key for bucket and topic; null for Google's own. It can never be changed."
  type        = string
  default     = null
}

variable "settings" {
  description = "How the functions behave; see the environment module, which checks it."
  type = object({
    lease     = optional(string)
    log_level = optional(string)
  })
  default  = {}
  nullable = false
}

variable "google_credentials" {
  description = "External-account JSON for a function outside Google Cloud; it holds no secret. Null on Google Cloud."
  type        = string
  default     = null
}
