locals {
  receiver = var.receiver[*]

  # Two outcomes of each of 200 tenants, busy every minute, are as many points as Cloud Monitoring
  # takes for nothing.
  by_tenant = var.tenants > 0 && var.tenants <= 200

  labels = {
    outcome     = "What became of the delivery: published, duplicate, dead_lettered or an error code"
    type        = "Gemini's event type; empty where nothing was verified"
    scheme      = "Signature scheme: v1, v1a or jwt"
    redelivered = "Whether the message was marked ce-redelivered"
  }
}

resource "google_logging_metric" "deliveries" {
  count = length(local.receiver)

  project     = var.project_id
  name        = "${var.name}-deliveries"
  description = "Deliveries that the receiver answered"
  filter      = local.delivery_lines

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Deliveries (${var.name})"

    dynamic "labels" {
      for_each = local.labels

      content {
        key         = labels.key
        value_type  = "STRING"
        description = labels.value
      }
    }
  }

  label_extractors = { for label in keys(local.labels) : label => "EXTRACT(jsonPayload.${label})" }
}

resource "google_logging_metric" "latency" {
  count = length(local.receiver)

  project         = var.project_id
  name            = "${var.name}-latency"
  description     = "Time from a delivery's arrival to its answer"
  filter          = local.delivery_lines
  value_extractor = "EXTRACT(jsonPayload.duration_ms)"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "ms"
    display_name = "Delivery latency (${var.name})"

    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = local.labels["outcome"]
    }
  }

  label_extractors = { outcome = "EXTRACT(jsonPayload.outcome)" }

  # 1 ms to 17 s, each bucket 1.35 times the one before.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 33
      growth_factor      = 1.35
      scale              = 1
    }
  }
}

# The receiver logs a tenant's name before it has looked at the token, so lines of unknown tokens
# have whatever name a sender writes: counted, they would make as many time series as anybody likes.
resource "google_logging_metric" "tenants" {
  count = length(local.receiver) * (local.by_tenant ? 1 : 0)

  project     = var.project_id
  name        = "${var.name}-tenants"
  description = "Deliveries to dynamic URLs with the right token, by tenant"
  filter      = "${local.delivery_lines} AND jsonPayload.tenant:* AND jsonPayload.outcome != \"unknown_token\""

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Deliveries by tenant (${var.name})"

    labels {
      key         = "tenant"
      value_type  = "STRING"
      description = "The tenant of the dynamic URL"
    }

    labels {
      key         = "outcome"
      value_type  = "STRING"
      description = local.labels["outcome"]
    }
  }

  label_extractors = { for label in ["tenant", "outcome"] : label => "EXTRACT(jsonPayload.${label})" }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.notification_emails

  project      = var.project_id
  display_name = "gemhook (${var.name}): ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
  user_labels  = var.labels

  # The policies let go of a channel before it is removed.
  lifecycle {
    create_before_destroy = true
  }
}

locals {
  notification_channels = concat(
    var.notification_channels,
    [for channel in google_monitoring_notification_channel.email : channel.name],
  )
}
