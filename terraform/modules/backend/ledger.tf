resource "google_firestore_database" "ledger" {
  project     = var.project_id
  name        = var.database
  location_id = var.firestore_location
  type        = "FIRESTORE_NATIVE"

  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"

  # The provider's default forgets the database on destroy and leaves it behind,
  # and the next apply then finds the name taken.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"
}

locals {
  # Every field of a ledger document but expires_at and received_at. The API
  # takes no wildcard together with a TTL policy, so each is named. A map's
  # members follow the map.
  unindexed_fields = [
    "attempt", "attributes", "lease_expires_at", "message_id", "payload", "resource_id", "scheme",
    "settled_at", "state", "tenant", "topic", "type", "webhook_id",
  ]

  # What the ledger is listed by, newest first, unless var.listing is off.
  listed_by = ["state", "tenant", "type"]
}

# The receiver reads and writes documents by id only. An index it does not use
# would cost latency on every write, and payloads can be larger than an index
# entry may be.
resource "google_firestore_field" "unindexed" {
  for_each = toset(local.unindexed_fields)

  project    = var.project_id
  database   = google_firestore_database.ledger.name
  collection = var.collection
  field      = each.value

  index_config {}
}

# Every write lands at the end of these indexes, which Firestore cannot split.
# Without listing too the field has this resource of its own, to be changed in
# place: to destroy one sets the default indexes, perhaps after another unset them.
resource "google_firestore_field" "received_at" {
  project    = var.project_id
  database   = google_firestore_database.ledger.name
  collection = var.collection
  field      = "received_at"

  index_config {
    dynamic "indexes" {
      for_each = var.listing ? ["DESCENDING"] : []

      content {
        order       = indexes.value
        query_scope = "COLLECTION"
      }
    }
  }
}

resource "google_firestore_index" "listed_by" {
  for_each = toset(var.listing ? local.listed_by : [])

  project    = var.project_id
  database   = google_firestore_database.ledger.name
  collection = var.collection

  fields {
    field_path = each.value
    order      = "ASCENDING"
  }

  fields {
    field_path = "received_at"
    order      = "DESCENDING"
  }
}

# Sweeps what is past its retention; the receiver never relies on when.
resource "google_firestore_field" "expires_at" {
  project    = var.project_id
  database   = google_firestore_database.ledger.name
  collection = var.collection
  field      = "expires_at"

  index_config {}
  ttl_config {}
}
