variable "project_id" {
  description = "Project whose services use the key."
  type        = string
}

variable "kms_key" {
  description = "Cloud KMS key, projects/P/locations/L/keyRings/R/cryptoKeys/K."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "Write kms_key by its full name, \"projects/P/locations/L/keyRings/R/cryptoKeys/K\"."
  }
}

variable "services" {
  description = "Services that use the key beside Cloud Storage, by their APIs' names."
  type        = set(string)
}

variable "bigquery" {
  description = "Whether BigQuery uses the key too."
  type        = bool
  default     = false
  nullable    = false
}
