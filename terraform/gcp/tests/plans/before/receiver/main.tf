module "access" {
  source = "./access"
}

resource "google_artifact_registry_repository" "images" {
  format        = "x"
  repository_id = "x"
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  member     = "x"
  repository = "x"
  role       = "x"
}

resource "google_cloud_run_v2_service_iam_member" "public" {
  member = "x"
  name   = "x"
  role   = "x"
}

resource "google_cloudfunctions2_function" "receiver" {
  location = "x"
  name     = "x"

  service_config {}
}

resource "google_logging_project_exclusion" "request_logs" {
  count = 1

  filter = "x"
  name   = "x"
}

resource "google_project_iam_member" "build_logs" {
  member  = "x"
  project = "x"
  role    = "x"
}

resource "google_project_iam_member" "build_staging" {
  member  = "x"
  project = "x"
  role    = "x"
}

resource "google_service_account" "build" {
  account_id = "x"
}

resource "google_service_account" "receiver" {
  account_id = "x"
}

resource "google_storage_bucket" "source" {
  location = "x"
  name     = "x"
}

resource "google_storage_bucket_iam_member" "build_source" {
  bucket = "x"
  member = "x"
  role   = "x"
}

resource "google_storage_bucket_object" "source" {
  bucket = "x"
  name   = "x"
}

resource "time_sleep" "build_account" {
}

resource "time_sleep" "build_granted" {
}
