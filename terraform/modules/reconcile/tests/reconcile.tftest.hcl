mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/my-project/serviceAccounts/account@my-project.iam.gserviceaccount.com"
      email  = "account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
    }
  }
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  name       = "gemhook"
  url        = "https://receiver.example.com/"
  backend = {
    topic             = "gemhook-events"
    dead_letter_topic = "gemhook-dead-letters"
    database          = "gemhook"
    collection        = "deliveries"
    retention         = "168h"
    api_keys          = "gemhook-api-keys"
  }
}

run "scheduled_by_google" {
  command = apply

  assert {
    condition = output.environment == tomap({
      GOOGLE_CLOUD_PROJECT      = "my-project"
      GEMHOOK_DATABASE          = "gemhook"
      GEMHOOK_COLLECTION        = "deliveries"
      GEMHOOK_RETENTION         = "168h"
      GEMHOOK_LEASE             = "60s"
      LOG_LEVEL                 = "info"
      GEMHOOK_TOPIC             = "gemhook-events"
      GEMHOOK_DEAD_LETTER_TOPIC = "gemhook-dead-letters"
      GEMHOOK_API_KEYS          = "projects/my-project/secrets/gemhook-api-keys"
      GEMHOOK_URL               = "https://receiver.example.com/"
      GEMHOOK_PUSH_AUDIENCE     = output.audience
      GEMHOOK_PUSH_ACCOUNT      = output.caller
    })
    error_message = "The function's environment is the contract's and nothing else: ${jsonencode(output.environment)}"
  }
}

run "scheduled_by_aws" {
  command = apply

  variables {
    scheduled_by_google = false
    find_after          = "0"
    find_prefix         = "nightly-"
    has_results         = true
    results_topic       = "gemhook-results"
  }

  assert {
    condition     = output.caller == null && !contains(keys(output.environment), "GEMHOOK_PUSH_ACCOUNT")
    error_message = "AWS brings no token, so none is wanted and no account is made."
  }

  assert {
    condition     = output.environment["GEMHOOK_FIND_AFTER"] == "0" && output.environment["GEMHOOK_FIND_PREFIX"] == "nightly-"
    error_message = "A setting is lost on the way."
  }
}
