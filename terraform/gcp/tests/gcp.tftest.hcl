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
  project_id          = "my-project"
  deletion_protection = false # or the tests could not clean up
}

run "one_variable_is_enough" {
  command = apply

  variables {
    tenants = ["acme"]
  }

  assert {
    condition     = output.topic == "gemhook-events" && output.static_url != "" && output.project_id == "my-project"
    error_message = "The module's outputs are the root's, where the command line reads them."
  }

  assert {
    condition     = output.dynamic_urls == { acme = "scripts/gemhook tenants url acme --terraform-dir terraform/gcp" }
    error_message = "The commands are those of a checkout."
  }
}
