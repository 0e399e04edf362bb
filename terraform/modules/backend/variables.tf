variable "project_id" {
  description = "Project of Firestore, Pub/Sub and Secret Manager."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "Write the project's id, such as \"my-project-123\" (6 to 30 lower-case letters, digits and hyphens), not its display name or number."
  }
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

variable "firestore_location" {
  description = "Where the ledger's database lies: a region such as \"us-central1\", or the multi-regions \"nam5\" and \"eur3\". It can never be changed."
  type        = string

  validation {
    condition     = can(regex("^([a-z]+-[a-z]+[0-9]{1,2}|nam5|nam7|eur3)$", var.firestore_location))
    error_message = "Write firestore_location as a region such as \"us-central1\", or as one of the multi-regions \"nam5\", \"nam7\" and \"eur3\"."
  }
}

variable "database" {
  description = "Id of the Firestore database to make for the ledger."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database))
    error_message = "Write database with 4 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen. The \"(default)\" database is left to others."
  }
}

variable "collection" {
  description = "Collection of the ledger's documents."
  type        = string
  default     = "deliveries"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_-]{0,99}$", var.collection))
    error_message = "Write collection with up to 100 letters, digits, hyphens and underscores, beginning with a letter, such as \"deliveries\"."
  }
}

variable "retention_hours" {
  description = "For how many hours the ledger remembers a delivery, so that no repeat of it is published."
  type        = number
  default     = 168
  nullable    = false

  validation {
    condition     = var.retention_hours >= 48 && var.retention_hours <= 8760 && floor(var.retention_hours) == var.retention_hours
    error_message = "Write retention_hours as a whole number from 48 (Gemini repeats a delivery for 24 hours) to 8760."
  }
}

variable "listing" {
  description = <<-EOT
    Whether the ledger can be listed. The indexes for it cap the ledger at about 250 deliveries a second; false removes them.
    Then these fail: `gemhook deliveries list`, `replay` by type, tenant, state or time, `webhooks rotate --finish`, and the checks
    of `doctor` that look for deliveries. The receiver, `deliveries get`, `tail`, `replay` of an ID and `replay --dead-letters` go on.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the ledger's database is protected from deletion. To destroy, apply false first."
  type        = bool
  default     = true
  nullable    = false
}

variable "dynamic_key_version" {
  description = "Raise it to have a new random key stored for dynamic URLs, alone: every dynamic URL changes at once, and the entries of single tenants are no longer in use."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.dynamic_key_version >= 1 && floor(var.dynamic_key_version) == var.dynamic_key_version
    error_message = "Write dynamic_key_version as a whole number from 1, one more than it was."
  }
}

variable "subscriptions" {
  description = <<-EOT
    Subscriptions beside the default one, which is called "all" and takes every event; an entry "all" replaces it.
    A subscription's name is the instance's name, a hyphen and the key.
    types, tenants, user_metadata: what it takes (one of the types and one of the tenants and all of the metadata; a type may end
    in ".*"; empty takes everything). Changing them replaces the subscription, and with it what it has not delivered.
    ack_deadline (s), retention_days, max_delivery_attempts: how long a message is leased, kept, and tried before it is dead-lettered.
    bigquery: write into a table of its own, with a view beside it that has each event once; expiration_days drops old partitions.
    cloud_storage: write Avro files of so many minutes into a bucket.
    push: deliver to endpoint instead of waiting to be pulled, with a token of service_account for audience (the endpoint if left
    out); unwrap sends the event's bytes alone, attributes as headers. Push has no exactly-once delivery.
  EOT
  type = map(object({
    types                 = optional(list(string), [])
    tenants               = optional(list(string), [])
    user_metadata         = optional(map(string), {})
    ack_deadline          = optional(number, 60)
    retention_days        = optional(number, 7)
    max_delivery_attempts = optional(number, 20)
    push = optional(object({
      endpoint        = string
      service_account = optional(string)
      audience        = optional(string)
      unwrap          = optional(bool, false)
    }))
    bigquery = optional(object({
      expiration_days = optional(number)
    }))
    cloud_storage = optional(object({
      minutes = optional(number, 5)
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.subscriptions) : can(regex("^[a-z][a-z0-9-]{0,62}$", key)) && !contains(["dead-letters", "results", "collect"], key)])
    error_message = "Write each key of subscriptions with lower-case letters, digits and hyphens, beginning with a letter, such as \"batches\"; \"dead-letters\", \"results\" and \"collect\" are taken."
  }

  validation {
    condition = alltrue(flatten([
      for s in values(var.subscriptions) : [for type in s.types : can(regex("^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*(\\.\\*)?$", type))]
    ]))
    error_message = "Write types as Gemini writes them, such as \"batch.succeeded\", or with a closing \".*\" for all that begin so, such as \"batch.*\"."
  }

  validation {
    condition = alltrue(flatten([
      for s in values(var.subscriptions) : [for tenant in s.tenants : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", tenant))]
    ]))
    error_message = "Write tenants with up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen, such as \"acme\"."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.ack_deadline >= 10 && s.ack_deadline <= 600])
    error_message = "Write ack_deadline in seconds, from 10 to 600."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.retention_days >= 1 && s.retention_days <= 31 && floor(s.retention_days) == s.retention_days])
    error_message = "Write retention_days as a whole number from 1 to 31."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.max_delivery_attempts >= 5 && s.max_delivery_attempts <= 100])
    error_message = "Write max_delivery_attempts from 5 to 100."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.push == null || can(regex("^https://", s.push.endpoint))])
    error_message = "Write push.endpoint as an https URL."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.push == null || try(s.push.service_account, null) == null || can(regex("^[a-z0-9][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\\.gserviceaccount\\.com$", s.push.service_account))])
    error_message = "Write push.service_account as the e-mail address of a service account, whose id has 6 to 30 characters, such as \"worker-push@my-project.iam.gserviceaccount.com\"."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : contains(range(1, 11), try(s.cloud_storage.minutes, 1))])
    error_message = "Write cloud_storage.minutes as a whole number from 1 to 10."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : try(s.bigquery.expiration_days, null) == null || try(s.bigquery.expiration_days >= 1 && floor(s.bigquery.expiration_days) == s.bigquery.expiration_days, false)])
    error_message = "Write bigquery.expiration_days as a whole number from 1, or leave it out to keep everything."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : length([for way in [s.push != null, s.bigquery != null, s.cloud_storage != null] : way if way]) <= 1])
    error_message = "Write at most one of push, bigquery and cloud_storage for a subscription; add another subscription for another way."
  }

  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.push == null || try(s.push.audience, null) == null || try(s.push.service_account, null) != null])
    error_message = "Write push.service_account too where push.audience is given: without it no token is sent."
  }
}

variable "consumers" {
  description = "Who may pull from every subscription, as IAM members known at plan, such as [\"serviceAccount:worker@my-project.iam.gserviceaccount.com\"]."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.consumers : can(regex("^(serviceAccount|user|group|principal|principalSet):[^[:space:]]+$", member))])
    error_message = "Write each of consumers as an IAM member, such as \"serviceAccount:worker@my-project.iam.gserviceaccount.com\"; \"allUsers\" would publish your events."
  }
}

variable "topic_retention_days" {
  description = "For how many days the topic keeps every event, so that a subscription can be set back in time. 0 to 31; 0 keeps none."
  type        = number
  default     = 31
  nullable    = false

  validation {
    condition     = var.topic_retention_days >= 0 && var.topic_retention_days <= 31 && floor(var.topic_retention_days) == var.topic_retention_days
    error_message = "Write topic_retention_days as a whole number from 0 to 31."
  }
}

variable "data_location" {
  description = "Where the BigQuery dataset and the archive's bucket lie: a region, or \"US\" or \"EU\" (null: \"US\"). It can never be changed."
  type        = string
  default     = null
}

variable "message_regions" {
  description = "Regions that the topics' messages may be kept in; empty for all. A message published elsewhere is sent there first, which takes longer."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "secret_locations" {
  description = "Regions that secrets are kept in, for an organization that forbids automatic replication, and with kms_key; empty for automatic. It can never be changed."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key" {
  description = "Cloud KMS key, projects/P/locations/L/keyRings/R/cryptoKeys/K, for topics, ledger, secrets, table and archive; null for Google's own. It can never be changed."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "Write kms_key by its full name, \"projects/P/locations/L/keyRings/R/cryptoKeys/K\"."
  }

  validation {
    condition     = var.kms_key == null || length(var.secret_locations) > 0
    error_message = "Write secret_locations too where kms_key is given: secrets that are replicated everywhere take no key of one region."
  }
}

variable "api_keys" {
  description = "Whether there is a secret for Gemini API keys, which collect and reconcile need."
  type        = bool
  default     = false
  nullable    = false
}

variable "reconcile" {
  description = "Whether the ledger can be searched by state and by resource, as reconcile does. Neither index is on a field that grows, so neither caps the ledger."
  type        = bool
  default     = false
  nullable    = false
}

variable "audit_logs" {
  description = "Whether Google logs each reading and writing of topics, ledger and secrets, for the whole project."
  type        = bool
  default     = false
  nullable    = false
}
