resource "google_project_service" "api" {
  for_each = toset(["artifactregistry.googleapis.com", "cloudbuild.googleapis.com", "cloudfunctions.googleapis.com", "compute.googleapis.com", "firestore.googleapis.com", "iam.googleapis.com", "logging.googleapis.com", "monitoring.googleapis.com", "pubsub.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com", "storage.googleapis.com"])

  service = "x"
}

resource "google_project_service" "resource_manager" {
  service = "x"
}

resource "time_sleep" "enabled" {
}
