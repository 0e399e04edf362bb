resource "google_project_service" "api" {
  for_each = toset(["firestore.googleapis.com", "iam.googleapis.com", "iamcredentials.googleapis.com", "monitoring.googleapis.com", "pubsub.googleapis.com", "secretmanager.googleapis.com", "sts.googleapis.com"])

  service = "x"
}

resource "google_project_service" "resource_manager" {
  service = "x"
}

resource "time_sleep" "enabled" {
}
