variable "region" {
  description = "Region of the function and, unless firestore_location says otherwise, of the ledger."
  type        = string
  default     = "us-central1"
  nullable    = false
}

variable "firestore_location" {
  description = "Where the ledger's database lies, if not in region: another region, or \"nam5\" or \"eur3\". It can never be changed."
  type        = string
  default     = null
}

variable "function" {
  description = "The function's instances and limits; the cloudfunction module describes the members and has the defaults."
  type = object({
    cpu               = optional(string)
    memory            = optional(string)
    concurrency       = optional(number)
    min_instances     = optional(number)
    max_instances     = optional(number)
    timeout_seconds   = optional(number)
    keep_request_logs = optional(bool)
    runtime           = optional(string)
    public_access     = optional(bool)
  })
  default  = {}
  nullable = false
}

variable "domain" {
  description = <<-EOT
    A domain of your own, behind a load balancer with a rate limit per source address. Null (the default) uses the function's URL.
    previous names are served beside it, each with its certificate: to change the domain, apply the new name with the old one as a
    previous one, and take that off once the new certificate is active and the webhook is moved.
    close_function_url refuses what comes past the load balancer; set it once every webhook is registered under the domain.
  EOT
  type = object({
    name                = string
    previous            = optional(set(string), [])
    requests_per_minute = optional(number)
    close_function_url  = optional(bool, false)
  })
  default = null
}

variable "tenant_count" {
  description = "About how many tenants have dynamic URLs, listed in tenants or not; null: as many as are listed. From 1 to 200 a metric and the dashboard show each of them; above that, gemhook tenants list does."
  type        = number
  default     = null
}
