variable "project_id" {
  description = "Project of Firestore, Pub/Sub and Secret Manager."
  type        = string
}

variable "member" {
  description = "Account that the function runs as, as an IAM member."
  type        = string

  validation {
    condition     = startswith(var.member, "serviceAccount:")
    error_message = "Write member as \"serviceAccount:\" and the e-mail address of the function's service account."
  }
}

variable "database" {
  description = "Database of the ledger, which the member reads and writes."
  type        = string
}

variable "publishes_on" {
  description = "Topics that the member publishes on: key to id."
  type        = map(string)
}

variable "reads" {
  description = "Secrets that the member reads: key to id."
  type        = map(string)
}

variable "stores_in" {
  description = "Bucket that the member makes objects in; null for none. Whether it is null has to be known at plan."
  type        = string
  default     = null
}

variable "looks_at" {
  description = "Topics whose existence the member checks: key to id."
  type        = map(string)
  default     = {}
  nullable    = false
}
