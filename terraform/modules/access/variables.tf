variable "project_id" {
  description = "Project of Firestore, Pub/Sub and Secret Manager."
  type        = string
}

variable "member" {
  description = "Who the receiver runs as, as an IAM member."
  type        = string

  validation {
    condition     = startswith(var.member, "serviceAccount:")
    error_message = "Write member as \"serviceAccount:\" and the e-mail address of the receiver's service account."
  }
}

variable "backend" {
  description = "Names of what the receiver uses, as the backend module outputs them."
  type = object({
    topic             = string
    dead_letter_topic = string
    database          = string
    signing_secrets   = string
    dynamic_keys      = string
  })
}
