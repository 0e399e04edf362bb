# A new service account is not yet known everywhere when its creation returns.
resource "time_sleep" "account" {
  create_duration = "15s"
  triggers        = { member = var.member }
}

locals {
  member = time_sleep.account.triggers["member"]
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = {
    events       = var.backend.topic
    dead_letters = var.backend.dead_letter_topic
  }

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = local.member
}

resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = {
    signing_secrets = var.backend.signing_secrets
    dynamic_keys    = var.backend.dynamic_keys
  }

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

# Firestore has no policy per database: a condition on the project's is how a
# grant is limited to one.
resource "google_project_iam_member" "ledger" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = local.member

  condition {
    title       = "Only the ledger's database"
    description = "Database ${var.backend.database} of gemhook"
    expression  = "resource.name == \"projects/${var.project_id}/databases/${var.backend.database}\""
  }
}

# Grants take about a minute to be seen by the services they are for.
resource "time_sleep" "granted" {
  create_duration = "60s"
  triggers        = { member = local.member }

  depends_on = [
    google_pubsub_topic_iam_member.publisher,
    google_secret_manager_secret_iam_member.accessor,
    google_project_iam_member.ledger,
  ]
}
