# The fields were one resource with for_each until they came to be changed one after the other.
moved {
  from = google_firestore_field.unindexed["attempt"]
  to   = google_firestore_field.attempt
}

moved {
  from = google_firestore_field.unindexed["attributes"]
  to   = google_firestore_field.attributes
}

moved {
  from = google_firestore_field.unindexed["lease_expires_at"]
  to   = google_firestore_field.lease_expires_at
}

moved {
  from = google_firestore_field.unindexed["message_id"]
  to   = google_firestore_field.message_id
}

moved {
  from = google_firestore_field.unindexed["payload"]
  to   = google_firestore_field.payload
}

moved {
  from = google_firestore_field.unindexed["resource_id"]
  to   = google_firestore_field.resource_id
}

moved {
  from = google_firestore_field.unindexed["scheme"]
  to   = google_firestore_field.scheme
}

moved {
  from = google_firestore_field.unindexed["settled_at"]
  to   = google_firestore_field.settled_at
}

moved {
  from = google_firestore_field.unindexed["state"]
  to   = google_firestore_field.state
}

moved {
  from = google_firestore_field.unindexed["tenant"]
  to   = google_firestore_field.tenant
}

moved {
  from = google_firestore_field.unindexed["topic"]
  to   = google_firestore_field.topic
}

moved {
  from = google_firestore_field.unindexed["type"]
  to   = google_firestore_field.type
}

moved {
  from = google_firestore_field.unindexed["webhook_id"]
  to   = google_firestore_field.webhook_id
}

# The secrets were a resource each.
moved {
  from = google_secret_manager_secret.signing_secrets
  to   = google_secret_manager_secret.secret["signing_secrets"]
}

moved {
  from = google_secret_manager_secret.dynamic_keys
  to   = google_secret_manager_secret.secret["dynamic_keys"]
}
