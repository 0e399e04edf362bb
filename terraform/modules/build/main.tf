# What functions are built with: a bucket for their sources, a repository for their images, and an
# account that may read the one and write the other.

resource "google_storage_bucket" "source" {
  project                     = var.project_id
  name                        = var.bucket
  location                    = var.region
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # holds nothing that is not in the repository

  dynamic "encryption" {
    for_each = var.kms_key[*]

    content {
      default_kms_key_name = encryption.value
    }
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

resource "google_artifact_registry_repository" "images" {
  project       = var.project_id
  location      = var.region
  repository_id = "${var.name}-receiver"
  description   = "Images that gemhook's functions are deployed from"
  format        = "DOCKER"
  kms_key_name  = var.kms_key
  labels        = var.labels

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"

    most_recent_versions {
      keep_count = 5
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      older_than = "2592000s" # 30 days
    }
  }
}

resource "google_service_account" "build" {
  project      = var.project_id
  account_id   = "${var.name}-build"
  display_name = "gemhook build (${var.name})"
}

resource "time_sleep" "build_account" {
  create_duration = "15s"
  triggers        = { member = google_service_account.build.member }
}

locals {
  build_member = time_sleep.build_account.triggers["member"]

  # Cloud Functions copies the source into a bucket of its own, which it makes at the first
  # deployment, and builds from there.
  staging_bucket = "gcf-v2-sources-${google_storage_bucket.source.project_number}-${var.region}"
}

resource "google_storage_bucket_iam_member" "build_source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = local.build_member
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  project    = var.project_id
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = local.build_member
}

# On the project because the bucket does not exist yet; the condition limits it to that one.
resource "google_project_iam_member" "build_staging" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = local.build_member

  condition {
    title       = "Only the function's staged source"
    description = "Bucket that Cloud Functions builds from"
    expression  = "resource.name.startsWith(\"projects/_/buckets/${local.staging_bucket}\")"
  }
}

# Logs have no policy of their own below the project.
resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = local.build_member
}

resource "time_sleep" "build_granted" {
  create_duration = "60s"
  triggers        = { member = local.build_member }

  depends_on = [
    google_storage_bucket_iam_member.build_source,
    google_artifact_registry_repository_iam_member.build_images,
    google_project_iam_member.build_staging,
    google_project_iam_member.build_logs,
  ]
}
