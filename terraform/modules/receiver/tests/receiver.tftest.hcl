mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5f1d" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      id     = "projects/my-project/serviceAccounts/account@my-project.iam.gserviceaccount.com"
      email  = "account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_storage_bucket" {
    defaults = { project_number = 123456789012 }
  }

  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        service = "projects/my-project/locations/us-central1/services/gemhook-receiver"
        uri     = "https://gemhook-receiver-abc-uc.a.run.app"
      }
    }
  }
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  name       = "gemhook"
  region     = "us-central1"
  labels     = { app = "gemhook" }
  backend = {
    topic             = "gemhook-events"
    dead_letter_topic = "gemhook-dead-letters"
    database          = "gemhook"
    collection        = "deliveries"
    retention         = "168h"
    signing_secrets   = "gemhook-signing-secrets"
    dynamic_keys      = "gemhook-dynamic-keys"
  }
  build = {
    bucket          = "my-project-gemhook-source"
    repository      = "projects/my-project/locations/us-central1/repositories/gemhook-receiver"
    service_account = "projects/my-project/serviceAccounts/gemhook-build@my-project.iam.gserviceaccount.com"
  }
}

run "function" {
  command = apply

  assert {
    condition = toset(keys(module.function.environment)) == toset([
      "GOOGLE_CLOUD_PROJECT", "GEMHOOK_TOPIC", "GEMHOOK_DEAD_LETTER_TOPIC", "GEMHOOK_DATABASE", "GEMHOOK_COLLECTION",
      "GEMHOOK_SIGNING_SECRETS", "GEMHOOK_DYNAMIC_KEYS", "GEMHOOK_TOLERANCE", "GEMHOOK_LEASE", "GEMHOOK_RETENTION",
      "GEMHOOK_MAX_BODY", "LOG_LEVEL",
    ])
    error_message = "The function's environment is the contract's and nothing else."
  }

  assert {
    condition     = google_service_account.receiver.account_id == "gemhook-receiver" && output.service == "gemhook-receiver" && output.url == "https://gemhook-receiver-abc-uc.a.run.app"
    error_message = "The receiver runs as an account of its own."
  }
}

run "settings_reach_the_function" {
  command = apply

  variables {
    settings = { jwt_audience = "my-audience", lease = "90s" }
  }

  assert {
    condition = (
      module.function.environment["GEMHOOK_JWT_AUDIENCE"] == "my-audience" &&
      module.function.environment["GEMHOOK_LEASE"] == "90s" &&
      module.function.environment["GEMHOOK_TOLERANCE"] == "5m"
    )
    error_message = "A setting is lost on the way."
  }
}

run "a_timeout_that_cuts_off_deliveries" {
  command = plan

  variables {
    timeout_seconds = 9
  }

  expect_failures = [var.timeout_seconds]
}
