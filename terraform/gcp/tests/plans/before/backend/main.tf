resource "google_firestore_database" "ledger" {
  location_id = "x"
  name        = "x"
  type        = "x"
}

resource "google_firestore_field" "expires_at" {
  collection = "x"
  field      = "x"
}

resource "google_firestore_field" "received_at" {
  collection = "x"
  field      = "x"
}

resource "google_firestore_field" "unindexed" {
  for_each = toset(["attempt", "attributes", "lease_expires_at", "message_id", "payload", "resource_id", "scheme", "settled_at", "state", "tenant", "topic", "type", "webhook_id"])

  collection = "x"
  field      = "x"
}

resource "google_firestore_index" "listed_by" {
  for_each = toset(["state", "tenant", "type"])

  collection = "x"

  fields {
  }
}

resource "google_project_service_identity" "pubsub" {
  provider = google-beta

  service = "x"
}

resource "google_pubsub_subscription" "dead_letters" {
  name  = "x"
  topic = "x"
}

resource "google_pubsub_subscription" "events" {
  for_each = toset(["all", "batches"])

  name  = "x"
  topic = "x"
}

resource "google_pubsub_subscription_iam_member" "dead_lettering" {
  for_each = toset(["all", "batches"])

  member       = "x"
  role         = "x"
  subscription = "x"
}

resource "google_pubsub_topic" "dead_letters" {
  name = "x"
}

resource "google_pubsub_topic" "events" {
  name = "x"
}

resource "google_pubsub_topic_iam_member" "dead_lettering" {
  member = "x"
  role   = "x"
  topic  = "x"
}

resource "google_secret_manager_secret" "dynamic_keys" {
  secret_id = "x"

  replication {
  }
}

resource "google_secret_manager_secret" "signing_secrets" {
  secret_id = "x"

  replication {
  }
}

resource "google_secret_manager_secret_version" "dynamic_key" {
  secret = "x"
}

resource "time_sleep" "pubsub" {
}
