# What reconcile needs on either cloud: its identity, and that of who calls it on Google Cloud. The
# module that calls this one makes function and schedule, with the output environment.

resource "google_service_account" "reconcile" {
  project      = var.project_id
  account_id   = "${var.name}-reconcile"
  display_name = "gemhook reconcile (${var.name})"
}

# It publishes what was left unpublished, on the topic that each message was for, and checks that
# the topics exist before it turns a webhook on again.
module "access" {
  source = "../access"

  project_id = var.project_id
  member     = google_service_account.reconcile.member
  database   = var.backend.database
  reads      = { api_keys = var.backend.api_keys }

  publishes_on = merge(
    {
      events       = var.backend.topic
      dead_letters = var.backend.dead_letter_topic
    },
    var.has_results ? { results = var.results_topic } : {},
  )

  looks_at = {
    events       = var.backend.topic
    dead_letters = var.backend.dead_letter_topic
  }
}

# Cloud Scheduler calls the function with a token of this account, which has no grant of its own.
resource "google_service_account" "schedule" {
  count = var.scheduled_by_google ? 1 : 0

  project      = var.project_id
  account_id   = "${var.name}-schedule"
  display_name = "gemhook schedule of reconcile (${var.name})"
}

locals {
  audience = "//gemhook/${var.project_id}/${var.name}/reconcile" # any text; no two functions have the same
}

module "environment" {
  source = "../environment"

  project_id         = var.project_id
  function           = "reconcile"
  backend            = var.backend
  settings           = var.settings
  google_credentials = var.google_credentials

  reconcile = {
    url         = var.url
    find_after  = var.find_after
    find_prefix = var.find_prefix
    finish_rate = var.finish_rate
    canary      = var.canary
  }

  caller = var.scheduled_by_google ? {
    audience = local.audience
    account  = google_service_account.schedule[0].email
  } : null
}
