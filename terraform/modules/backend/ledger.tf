resource "google_firestore_database" "ledger" {
  project     = var.project_id
  name        = var.database
  location_id = var.firestore_location
  type        = "FIRESTORE_NATIVE"

  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"

  # The provider's default forgets the database on destroy and leaves it behind, and the next apply
  # then finds the name taken.
  deletion_policy = local.deletion_policy

  dynamic "cmek_config" {
    for_each = var.kms_key[*]

    content {
      kms_key_name = cmek_config.value
    }
  }
}

locals {
  # What the ledger is listed by, newest first, unless var.listing is off.
  listed_by = ["state", "tenant", "type"]
}

# Every write lands at the end of these indexes, which Firestore cannot split. The field keeps this
# resource when listing is off, so that it is changed in place: destroying the resource would set
# the default indexes. An apply does not wait for an index: over a large ledger it takes longer than
# the provider waits, which would then lose track of it. Until it is built, listing fails.
resource "google_firestore_field" "received_at" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "received_at"
  deletion_policy = "ABANDON"
  skip_wait       = true

  index_config {
    dynamic "indexes" {
      for_each = var.listing ? ["DESCENDING"] : []

      content {
        order       = indexes.value
        query_scope = "COLLECTION"
      }
    }
  }

  depends_on = [google_firestore_field.webhook_id]
}

resource "google_firestore_index" "listed_by" {
  for_each = toset(var.listing ? local.listed_by : [])

  project    = var.project_id
  database   = google_firestore_database.ledger.name
  collection = var.collection
  skip_wait  = true # as above

  fields {
    field_path = each.value
    order      = "ASCENDING"
  }

  fields {
    field_path = "received_at"
    order      = "DESCENDING"
  }

  depends_on = [google_firestore_field.received_at]
}

# Sweeps what is past its retention; the receiver never relies on when.
resource "google_firestore_field" "expires_at" {
  project         = var.project_id
  database        = google_firestore_database.ledger.name
  collection      = var.collection
  field           = "expires_at"
  deletion_policy = "ABANDON"

  index_config {}
  ttl_config {}
}
