# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "archive" {}
mock_provider "time" {}

mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = { member = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
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

  mock_resource "google_compute_global_address" {
    defaults = { address = "203.0.113.7" }
  }
}

variables {
  project_id = "my-project"

  notification_emails = ["on-call@example.com"]
  subscriptions       = { batches = { types = ["batch.*"] } }
  domain              = { name = "hooks.example.com" }
}

run "before" {
  command   = apply
  state_key = "instance"

  module {
    source = "./tests/plans/before"
  }
}

# What it changes is looked at from outside: see TestUpgradeReplacesNothing.
run "after" {
  command   = plan
  state_key = "instance"
}
