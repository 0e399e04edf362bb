locals {
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"
}

# It has no schema, so that events of types that are not known yet pass.
resource "google_pubsub_topic" "events" {
  project         = var.project_id
  name            = "${var.name}-events"
  labels          = var.labels
  kms_key_name    = var.kms_key
  deletion_policy = local.deletion_policy

  # How far back in time a subscription can be set.
  message_retention_duration = var.topic_retention_days == 0 ? null : "${var.topic_retention_days * 86400}s"

  dynamic "message_storage_policy" {
    for_each = length(var.message_regions) == 0 ? [] : [true]

    content {
      allowed_persistence_regions = sort(var.message_regions)
    }
  }
}

# Two kinds of message end here: genuine deliveries that are no Gemini event, put here by the
# receiver (ce-type gemhook.dead_letter), and events that a subscriber could not handle, put here by
# Pub/Sub (CloudPubSubDeadLetter… attributes name the subscription).
resource "google_pubsub_topic" "dead_letters" {
  project         = var.project_id
  name            = "${var.name}-dead-letters"
  labels          = var.labels
  kms_key_name    = var.kms_key
  deletion_policy = local.deletion_policy

  dynamic "message_storage_policy" {
    for_each = length(var.message_regions) == 0 ? [] : [true]

    content {
      allowed_persistence_regions = sort(var.message_regions)
    }
  }
}

resource "google_pubsub_subscription" "dead_letters" {
  project         = var.project_id
  name            = "${var.name}-dead-letters"
  topic           = google_pubsub_topic.dead_letters.id
  labels          = var.labels
  deletion_policy = local.deletion_policy

  ack_deadline_seconds         = 60
  enable_exactly_once_delivery = true
  message_retention_duration   = "2678400s" # 31 days, the longest there is

  expiration_policy {
    ttl = "" # never
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
}
