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

variable "backend" {
  description = "Names of what reconcile uses, as the backend module outputs them."
  type = object({
    topic             = string
    dead_letter_topic = string
    database          = string
    collection        = string
    retention         = string
    api_keys          = string
  })
}

variable "has_results" {
  description = "Whether there is a topic for results, which is known before the topic is made."
  type        = bool
  default     = false
  nullable    = false
}

variable "results_topic" {
  description = "Id of the topic for results, whose messages it finishes too."
  type        = string
  default     = null
}

variable "url" {
  description = "URL of the receiver, as it is registered at Gemini."
  type        = string
}

variable "find_after" {
  description = "How long after its end a batch without an event counts as missed: at least \"25h\", or \"0\", which finds none. Null: 25h."
  type        = string
  default     = null
}

variable "find_prefix" {
  description = "What the display names of batches begin with that are looked for; null for all."
  type        = string
  default     = null
}

variable "finish_rate" {
  description = "How many deliveries are finished in a second at most, so that the receiver has its share of the backends; null: 50."
  type        = number
  default     = null

  validation {
    condition     = var.finish_rate == null || try(var.finish_rate >= 1 && var.finish_rate <= 1000 && floor(var.finish_rate) == var.finish_rate, false)
    error_message = "Write finish_rate as a whole number from 1 to 1000."
  }
}

variable "canary" {
  description = "Whether to have Gemini ping the webhook once a day and wait for it in the ledger; a ping that does not come is an error, which raises an alert."
  type        = bool
  default     = null
}

variable "scheduled_by_google" {
  description = "Whether Cloud Scheduler calls the function, with a token of an account that is made for that; false where AWS invokes it."
  type        = bool
  default     = true
  nullable    = false
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
