variable "project_id" {
  description = "Project of the function and of the load balancer."
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

variable "service" {
  description = "Name of the Cloud Run service behind the function."
  type        = string
}

variable "domain" {
  description = "Domain name under which the receiver is to be reached."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 63
    error_message = "Write domain as a bare domain name of up to 63 lower-case characters, such as \"hooks.example.com\", without https:// and without a path."
  }
}

variable "previous_domains" {
  description = "Domain names that go on being served beside domain, each with its certificate."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.previous_domains) <= 14 && !contains(var.previous_domains, var.domain)
    error_message = "Write previous_domains with at most 14 names, none of them the present one."
  }
}

variable "requests_per_minute" {
  description = "Requests per minute allowed from one source address. Gemini may send everything from a few addresses, and comes again after a 429."
  type        = number
  default     = 6000
  nullable    = false

  validation {
    condition     = var.requests_per_minute >= 10 && var.requests_per_minute <= 1000000 && floor(var.requests_per_minute) == var.requests_per_minute
    error_message = "Write requests_per_minute as a whole number from 10 to 1000000."
  }
}
