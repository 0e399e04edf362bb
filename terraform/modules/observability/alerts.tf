module "alerts" {
  source = "../alerts"

  project_id               = var.project_id
  name                     = var.name
  receiver                 = one([for receiver in local.receiver : merge(receiver, { host = local.host })])
  subscriptions            = var.subscriptions
  dead_letter_subscription = var.dead_letter_subscription
  thresholds               = var.thresholds
  collect                  = var.collect
  reconcile                = var.reconcile
}

locals {
  host = try(regex("^https://([^/]+)", var.receiver.url)[0], "")

  deliveries_metric = module.alerts.deliveries_metric
  latency_metric    = module.alerts.latency_metric
  tenants_metric    = replace(local.deliveries_metric, "/_deliveries$/", "_tenants")
  delivery_lines    = module.alerts.delivery_lines
  resource          = "monitored_resource=\"cloud_run_revision\""
}

# From several places of the world, every five minutes.
resource "google_monitoring_uptime_check_config" "receiver" {
  count = length(local.receiver)

  project      = var.project_id
  display_name = "gemhook (${var.name}): receiver"
  period       = "300s"
  timeout      = "10s"
  user_labels  = var.labels

  http_check {
    path         = "/"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project_id
      host       = local.host
    }
  }
}

resource "google_monitoring_alert_policy" "logged" {
  for_each = module.alerts.logged

  project               = var.project_id
  display_name          = "gemhook (${var.name}): ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  user_labels           = var.labels
  notification_channels = local.notification_channels

  conditions {
    display_name = each.value.title

    condition_matched_log {
      filter           = each.value.filter
      label_extractors = { outcome = "EXTRACT(jsonPayload.outcome)" }
    }
  }

  alert_strategy {
    auto_close = "3600s"

    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.advice
  }
}

resource "google_monitoring_alert_policy" "measured" {
  for_each = module.alerts.measured

  project               = var.project_id
  display_name          = "gemhook (${var.name}): ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  user_labels           = var.labels
  notification_channels = local.notification_channels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  alert_strategy {
    auto_close = "3600s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.advice
  }

  depends_on = [google_logging_metric.deliveries]
}
