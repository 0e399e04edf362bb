# A new service account is not yet known everywhere when its creation returns.
resource "time_sleep" "account" {
  create_duration = "15s"
  triggers        = { member = var.member }
}

locals {
  member = time_sleep.account.triggers["member"]
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = var.publishes_on

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = local.member
}

resource "google_pubsub_topic_iam_member" "viewer" {
  for_each = var.looks_at

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.viewer"
  member  = local.member
}

resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = var.reads

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

# Firestore has no IAM policy for a single database, so a condition limits the grant on the project
# to one.
resource "google_project_iam_member" "ledger" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = local.member

  condition {
    title       = "Only the ledger's database"
    description = "Database ${var.database} of gemhook"
    expression  = "resource.name == \"projects/${var.project_id}/databases/${var.database}\""
  }
}

# Objects can be made and read, not overwritten and not deleted.
resource "google_storage_bucket_iam_member" "objects" {
  for_each = toset(var.stores_in == null ? [] : ["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket = var.stores_in
  role   = each.value
  member = local.member
}

# Grants take about a minute to be seen by the services they are for.
resource "time_sleep" "granted" {
  create_duration = "60s"
  triggers        = { member = local.member }

  depends_on = [
    google_pubsub_topic_iam_member.publisher,
    google_pubsub_topic_iam_member.viewer,
    google_secret_manager_secret_iam_member.accessor,
    google_project_iam_member.ledger,
    google_storage_bucket_iam_member.objects,
  ]
}
