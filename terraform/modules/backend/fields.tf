# The other fields of a ledger document. The receiver reads and writes documents by id only: an
# index it does not use would cost latency on every write, and payloads can be larger than an index
# entry may be. The API takes no wildcard together with a TTL policy, so each is named; a map's
# members follow the map.
#
# One after the other: changes at the same time can meet "Aborted due to cross-transaction
# contention", after which the provider does not try again. On destroy each is left as it is: to
# give it its default indexes back takes minutes, and the database goes too.

resource "google_firestore_field" "attempt" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "attempt"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.expires_at]
}

resource "google_firestore_field" "attributes" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "attributes"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.attempt]
}

resource "google_firestore_field" "lease_expires_at" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "lease_expires_at"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.attributes]
}

resource "google_firestore_field" "message_id" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "message_id"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.lease_expires_at]
}

resource "google_firestore_field" "payload" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "payload"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.message_id]
}

resource "google_firestore_field" "resource_id" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "resource_id"
  deletion_policy = "ABANDON"
  skip_wait       = var.reconcile # as received_at

  index_config {
    dynamic "indexes" {
      for_each = var.reconcile ? ["ASCENDING"] : []

      content {
        order       = indexes.value
        query_scope = "COLLECTION"
      }
    }
  }

  depends_on = [google_firestore_field.payload]
}

resource "google_firestore_field" "scheme" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "scheme"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.resource_id]
}

resource "google_firestore_field" "settled_at" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "settled_at"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.scheme]
}

resource "google_firestore_field" "state" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "state"
  deletion_policy = "ABANDON"
  skip_wait       = var.reconcile # as received_at

  index_config {
    dynamic "indexes" {
      for_each = var.reconcile ? ["ASCENDING"] : []

      content {
        order       = indexes.value
        query_scope = "COLLECTION"
      }
    }
  }

  depends_on = [google_firestore_field.settled_at]
}

resource "google_firestore_field" "tenant" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "tenant"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.state]
}

resource "google_firestore_field" "topic" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "topic"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.tenant]
}

resource "google_firestore_field" "type" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "type"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.topic]
}

resource "google_firestore_field" "webhook_id" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "webhook_id"
  deletion_policy = "ABANDON"

  index_config {}

  depends_on = [google_firestore_field.type]
}
