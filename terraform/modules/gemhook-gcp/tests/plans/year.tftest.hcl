# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5f1d" }
  }
}
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
  deletion_protection = false # or the test could not clean up
}

# The settings that change in a year: each step is applied, and planned again with the same
# settings, which are written twice, since a run cannot take those of another. TestYear looks at the
# plans of the runs that end in "_again", which must be empty. ids change with each resource that is
# replaced.

run "started" {
  command = apply

  variables {
    notification_emails = ["a@example.com", "b@example.com"]
    subscriptions       = { batches = { types = ["batch.*"] }, worker = { types = ["video.generated"], push = { endpoint = "https://worker.example.com" } } }
  }
}

run "started_again" {
  command = plan

  variables {
    notification_emails = ["a@example.com", "b@example.com"]
    subscriptions       = { batches = { types = ["batch.*"] }, worker = { types = ["video.generated"], push = { endpoint = "https://worker.example.com" } } }
  }
}

# An address goes, a filter changes, push becomes pull, tenants come, listing goes, the function
# moves to another region, has a domain, and other sources.
run "moved" {
  command = apply

  override_data {
    target = module.receiver.module.function.data.archive_file.source
    values = { output_sha256 = "9c02" }
  }

  variables {
    notification_emails = ["b@example.com"]
    tenants             = ["acme"]
    listing             = false
    region              = "europe-west1"
    firestore_location  = "us-central1"
    domain              = { name = "hooks.example.com" }
    subscriptions       = { batches = { types = ["batch.succeeded"] }, worker = { types = ["video.generated"] } }
  }

  assert {
    condition     = output.ids == run.started.ids
    error_message = "Topics, ledger and secrets stay what they are."
  }
}

run "moved_again" {
  command = plan

  override_data {
    target = module.receiver.module.function.data.archive_file.source
    values = { output_sha256 = "9c02" }
  }

  variables {
    notification_emails = ["b@example.com"]
    tenants             = ["acme"]
    listing             = false
    region              = "europe-west1"
    firestore_location  = "us-central1"
    domain              = { name = "hooks.example.com" }
    subscriptions       = { batches = { types = ["batch.succeeded"] }, worker = { types = ["video.generated"] } }
  }
}

# An address comes, listing comes back, pull becomes push, the domain changes and the old one stays
# beside it, there is another key, and more in the log.
run "renamed" {
  command = apply

  override_data {
    target = module.receiver.module.function.data.archive_file.source
    values = { output_sha256 = "9c02" }
  }

  variables {
    region              = "europe-west1"
    firestore_location  = "us-central1"
    domain              = { name = "events.example.com", previous = ["hooks.example.com"] }
    dynamic_key_version = 2
    notification_emails = ["b@example.com", "c@example.com"]
    settings            = { log_level = "debug" }
    subscriptions       = { worker = { types = ["video.generated"], push = { endpoint = "https://worker.example.com" } } }
  }

  assert {
    condition     = output.ids == run.moved.ids
    error_message = "Topics, ledger and secrets stay what they are."
  }
}

run "renamed_again" {
  command = plan

  override_data {
    target = module.receiver.module.function.data.archive_file.source
    values = { output_sha256 = "9c02" }
  }

  variables {
    region              = "europe-west1"
    firestore_location  = "us-central1"
    domain              = { name = "events.example.com", previous = ["hooks.example.com"] }
    dynamic_key_version = 2
    notification_emails = ["b@example.com", "c@example.com"]
    settings            = { log_level = "debug" }
    subscriptions       = { worker = { types = ["video.generated"], push = { endpoint = "https://worker.example.com" } } }
  }
}

# The old domain goes, and so does a subscription.
run "settled" {
  command = apply

  override_data {
    target = module.receiver.module.function.data.archive_file.source
    values = { output_sha256 = "9c02" }
  }

  variables {
    region              = "europe-west1"
    firestore_location  = "us-central1"
    domain              = { name = "events.example.com", close_function_url = true }
    dynamic_key_version = 2
  }

  assert {
    condition     = output.ids == run.renamed.ids
    error_message = "Topics, ledger and secrets stay what they are."
  }
}

run "settled_again" {
  command = plan

  override_data {
    target = module.receiver.module.function.data.archive_file.source
    values = { output_sha256 = "9c02" }
  }

  variables {
    region              = "europe-west1"
    firestore_location  = "us-central1"
    domain              = { name = "events.example.com", close_function_url = true }
    dynamic_key_version = 2
  }
}
