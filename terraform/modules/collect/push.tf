# Pub/Sub calls the function with a token of this account, which has no grant of its own.
resource "google_service_account" "push" {
  project      = var.project_id
  account_id   = "${var.name}-push"
  display_name = "gemhook push to collect (${var.name})"
}

# Pub/Sub's own account makes these tokens.
resource "google_service_account_iam_member" "token" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = var.pubsub_agent
}

resource "google_pubsub_subscription" "collect" {
  project = var.project_id
  name    = "${var.name}-collect"
  topic   = "projects/${var.project_id}/topics/${var.backend.topic}"
  labels  = var.labels

  ack_deadline_seconds       = 600 # the function has 540 s
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # never
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.project_id}/topics/${var.backend.dead_letter_topic}"
    max_delivery_attempts = 100
  }

  push_config {
    push_endpoint = "${var.url}/"

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.audience
    }
  }

  depends_on = [google_service_account_iam_member.token]
}

resource "google_pubsub_subscription_iam_member" "dead_lettering" {
  for_each = {
    collect = google_pubsub_subscription.collect.id
    results = google_pubsub_subscription.results.id
  }

  # The name is taken from the id, since only the id is unknown while the subscription is replaced:
  # so the grant is made again.
  project      = var.project_id
  subscription = element(split("/", each.value), -1)
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent
}
