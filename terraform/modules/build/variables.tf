variable "project_id" {
  description = "Project of the functions."
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
  description = "Region of the functions."
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

variable "bucket" {
  description = "Name of the bucket for the functions' sources. A bucket cannot move: another region needs another name."
  type        = string
}

variable "kms_key" {
  description = "Cloud KMS key that sources and images are encrypted with; null for Google's own."
  type        = string
  default     = null
}
