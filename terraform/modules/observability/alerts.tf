# A metric is unknown to the alerting API for up to ten minutes after it is
# made, and a service's own metrics until the service was used. So what one
# delivery line says is matched in the log itself, and conditions on metrics are
# PromQL, whose check for the metric's existence can be switched off.

locals {
  # Cloud Monitoring's PromQL names of the log-based metrics.
  metric_prefix     = "logging_googleapis_com:user_${replace(var.name, "-", "_")}"
  deliveries_metric = "${local.metric_prefix}_deliveries"
  latency_metric    = "${local.metric_prefix}_latency"
  resource          = "monitored_resource=\"cloud_run_revision\""

  logged = var.receiver == null ? {} : {
    keys-unavailable = {
      severity = "CRITICAL"
      title    = "no key available"
      lines    = "jsonPayload.outcome = \"keys_unavailable\""
      advice   = <<-EOT
        Deliveries are answered 503 because no signing secret, dynamic key or key set can be had. Gemini repeats them for 24 hours.
        Store a version of the secret `${var.receiver.signing_secrets}` if there is none yet; otherwise look whether Secret Manager and Google's key set answer.
      EOT
    }
    backend-unavailable = {
      severity = "CRITICAL"
      title    = "topic or ledger refusing"
      lines    = "jsonPayload.outcome = (\"topic_unavailable\" OR \"ledger_unavailable\")"
      advice   = <<-EOT
        Deliveries are answered 503 because Pub/Sub or Firestore cannot be reached or refuses. Gemini repeats them for 24 hours.
        Look whether the topic and the database exist and the receiver's service account still has its grants: a new `terraform apply` restores both.
      EOT
    }
    redelivered = {
      severity = "WARNING"
      title    = "event published again"
      lines    = "jsonPayload.redelivered = true"
      advice   = <<-EOT
        After a crash or a lost answer an event was published a second time, or perhaps for the first; its message carries `ce-redelivered: true`.
        One now and then is normal. Many mean that instances die (memory, timeout) or that Firestore's answers are lost.
      EOT
    }
  }

  measured = merge(
    var.receiver == null ? {} : {
      signature-failures = {
        severity = "WARNING"
        title    = "signature failures"
        query    = "sum(increase(${local.deliveries_metric}{${local.resource},outcome=~\"bad_signature|stale_timestamp|unknown_token|bad_token\"}[10m])) > ${var.thresholds.signature_failures}"
        duration = "60s"
        advice   = <<-EOT
          More than ${var.thresholds.signature_failures} requests in ten minutes were refused with 401. Nothing of them reaches a backend.
          Either someone is guessing, or the stored signing secret is not the webhook's: compare with its `signing_secrets` at Gemini.
        EOT
      }
      server-errors = {
        severity = "ERROR"
        title    = "receiver not answering"
        query    = "sum(increase(run_googleapis_com:request_count{${local.resource},service_name=\"${var.receiver.service}\",response_code_class=\"5xx\"}[5m])) > ${var.thresholds.server_errors}"
        duration = "300s"
        advice   = <<-EOT
          The service answers 5xx and goes on doing so. Where no delivery line says why, instances do not start or are killed: look at the service's log for the start-up message, memory and timeouts.
        EOT
      }
    },
    {
      dead-letters = {
        severity = "ERROR"
        title    = "dead letters"
        query    = "sum(pubsub_googleapis_com:subscription_num_undelivered_messages{subscription_id=\"${var.dead_letter_subscription}\"}) > 0"
        duration = "60s"
        advice   = <<-EOT
          Messages lie in the subscription `${var.dead_letter_subscription}`: genuine deliveries that are no Gemini event (`ce-type: gemhook.dead_letter`), or events that a subscriber could not handle (attributes `CloudPubSubDeadLetter…` name it).
          They are kept for 31 days. Look: `gcloud pubsub subscriptions pull ${var.dead_letter_subscription} --project=${var.project_id} --limit=10`
        EOT
      }
      backlog-age = {
        severity = "WARNING"
        title    = "subscription backlog"
        query    = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{subscription_id=~\"${join("|", sort(values(var.subscriptions)))}\"}) > ${var.thresholds.backlog_age_seconds}"
        duration = "300s"
        advice   = <<-EOT
          The oldest message that a subscriber has not acknowledged is more than ${var.thresholds.backlog_age_seconds} s old: the subscriber is down, too slow, or failing on it.
        EOT
      }
    },
  )
}

resource "google_monitoring_alert_policy" "logged" {
  for_each = local.logged

  project               = var.project_id
  display_name          = "gemhook (${var.name}): ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  user_labels           = var.labels
  notification_channels = local.notification_channels

  conditions {
    display_name = each.value.title

    condition_matched_log {
      filter           = "${local.delivery_lines} AND ${each.value.lines}"
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
    content   = trimspace(each.value.advice)
  }
}

resource "google_monitoring_alert_policy" "measured" {
  for_each = local.measured

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
    content   = trimspace(each.value.advice)
  }

  depends_on = [google_logging_metric.deliveries]
}
