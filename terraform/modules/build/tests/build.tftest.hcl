mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      id     = "projects/my-project/serviceAccounts/account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_storage_bucket" {
    defaults = { project_number = 123456789012 }
  }
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  name       = "gemhook"
  region     = "us-central1"
  labels     = { app = "gemhook" }
  bucket     = "my-project-gemhook-source"
}

run "the_build_may_read_sources_and_write_images" {
  command = apply

  assert {
    condition     = google_service_account.build.account_id == "gemhook-build" && output.service_account == google_service_account.build.id && output.bucket == "my-project-gemhook-source"
    error_message = "Functions are built as an account of its own."
  }

  assert {
    condition = (
      google_storage_bucket_iam_member.build_source.role == "roles/storage.objectViewer" &&
      google_artifact_registry_repository_iam_member.build_images.role == "roles/artifactregistry.writer" &&
      google_project_iam_member.build_staging.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-123456789012-us-central1\")"
    )
    error_message = "The build reads its source and the bucket that the source is staged in, and writes images."
  }

  assert {
    condition     = alltrue([for r in [google_storage_bucket.source, google_artifact_registry_repository.images] : r.labels["app"] == "gemhook"])
    error_message = "What can be labelled is."
  }
}

run "bad_region" {
  command = plan

  variables {
    region = "us-central1-a"
  }

  expect_failures = [var.region]
}
