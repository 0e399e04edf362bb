variable "signature_failures" {
  description = "How many refused signatures in five minutes raise no alarm yet."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.signature_failures >= 0
    error_message = "Write signature_failures as a number from 0."
  }
}
