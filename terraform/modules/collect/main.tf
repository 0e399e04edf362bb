# What collect needs on either cloud: the bucket and the topic for results, its identity, and the
# push subscription that calls it. The module that calls this one makes the function, with the
# output environment.

locals {
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"
  audience        = "//gemhook/${var.project_id}/${var.name}/collect" # any text; no two functions have the same
}

resource "google_storage_bucket" "results" {
  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-results"
  location                    = var.location
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy
  deletion_policy             = local.deletion_policy

  dynamic "lifecycle_rule" {
    for_each = var.expiration_days[*]

    content {
      action {
        type = "Delete"
      }

      condition {
        age = lifecycle_rule.value
      }
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]

    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_pubsub_topic" "results" {
  project         = var.project_id
  name            = "${var.name}-results"
  labels          = var.labels
  kms_key_name    = var.kms_key
  deletion_policy = local.deletion_policy
}

resource "google_pubsub_subscription" "results" {
  project         = var.project_id
  name            = "${var.name}-results"
  topic           = google_pubsub_topic.results.id
  labels          = var.labels
  deletion_policy = local.deletion_policy

  ack_deadline_seconds         = 60
  enable_exactly_once_delivery = true
  message_retention_duration   = "604800s" # 7 days

  expiration_policy {
    ttl = "" # never
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.project_id}/topics/${var.backend.dead_letter_topic}"
    max_delivery_attempts = 20
  }
}

resource "google_service_account" "collect" {
  project      = var.project_id
  account_id   = "${var.name}-collect"
  display_name = "gemhook collect (${var.name})"
}

module "access" {
  source = "../access"

  project_id   = var.project_id
  member       = google_service_account.collect.member
  database     = var.backend.database
  publishes_on = { results = google_pubsub_topic.results.name }
  reads        = { api_keys = var.backend.api_keys }
  stores_in    = google_storage_bucket.results.name
}

module "environment" {
  source = "../environment"

  project_id         = var.project_id
  function           = "collect"
  backend            = var.backend
  settings           = var.settings
  google_credentials = var.google_credentials

  collect = {
    bucket = google_storage_bucket.results.name
    topic  = google_pubsub_topic.results.name
  }

  caller = {
    audience = local.audience
    account  = google_service_account.push.email
  }
}
