# The alerts of Cloud Monitoring: what raises them, and the text that is sent with them. This module
# makes nothing: the observability module makes policies of it, and tests compare it with the log
# lines that the receiver writes and with docs/runbook.
#
# A metric is unknown to the alerting API for up to ten minutes after it is made, and a service's
# own metrics until the service was used. So what one log line says is matched in the log itself,
# and conditions on metrics are PromQL, whose check for the metric's existence can be switched off.

locals {
  # Cloud Monitoring's PromQL names of the log-based metrics.
  metric_prefix     = "logging_googleapis_com:user_${replace(var.name, "-", "_")}"
  deliveries_metric = "${local.metric_prefix}_deliveries"
  latency_metric    = "${local.metric_prefix}_latency"
  resource          = "monitored_resource=\"cloud_run_revision\""

  service_lines = join(" AND ", [
    "resource.type = \"cloud_run_revision\"",
    "resource.labels.service_name = \"${try(var.receiver.service, "")}\"",
    "resource.labels.location = \"${try(var.receiver.region, "")}\"",
  ])
  delivery_lines = "${local.service_lines} AND jsonPayload.message = \"delivery\""

  runbook = "https://github.com/gemhook/gemhook/blob/main/docs/runbook"

  # Deliveries that are genuine, and those of them that were answered 2xx. A delivery in flight is
  # neither: another instance has it.
  acknowledged = "outcome=~\"published|duplicate|dead_lettered\""
  genuine      = "outcome=~\"published|duplicate|dead_lettered|internal|.*_unavailable\""

  logged = { for key, alert in local.log_alerts : key => merge(alert, {
    advice = "${trimspace(alert.advice)}\n\nRunbook: ${local.runbook}/${key}.md"
  }) }

  measured = { for key, alert in local.metric_alerts : key => merge(alert, {
    advice = "${trimspace(alert.advice)}\n\nRunbook: ${local.runbook}/${key}.md"
  }) }

  log_alerts    = merge(local.receiver_log_alerts, local.collect_log_alerts, local.reconcile_log_alerts)
  metric_alerts = merge(local.receiver_metric_alerts, local.collect_metric_alerts, local.reconcile_metric_alerts)

  receiver_log_alerts = var.receiver == null ? {} : {
    keys-unavailable = {
      severity = "CRITICAL"
      title    = "no key available"
      filter   = "${local.delivery_lines} AND jsonPayload.outcome = \"keys_unavailable\""
      advice   = <<-EOT
        Deliveries are answered 503 because no signing secret, dynamic key or key set can be read. Gemini repeats them for 24 hours.
        Store a version of the secret `${var.receiver.signing_secrets}` if there is none yet; otherwise see whether Secret Manager and Google's key set answer.
      EOT
    }
    backend-unavailable = {
      severity = "CRITICAL"
      title    = "topic or ledger refusing"
      filter   = "${local.delivery_lines} AND jsonPayload.outcome = (\"topic_unavailable\" OR \"ledger_unavailable\")"
      advice   = <<-EOT
        Deliveries are answered 503 because Pub/Sub or Firestore cannot be reached or refuses. Gemini repeats them for 24 hours.
        Check that the topic and the database exist and the receiver's service account still has its grants; a new `terraform apply` restores both.
      EOT
    }
    internal = {
      severity = "ERROR"
      title    = "the receiver failed"
      filter   = "${local.delivery_lines} AND jsonPayload.outcome = \"internal\""
      advice   = <<-EOT
        A delivery was answered 500 because of a mistake in gemhook. Gemini repeats it for 24 hours. The log line has the stack.
      EOT
    }
    process = {
      severity = "ERROR"
      title    = "error outside of a delivery"
      filter   = "${local.service_lines} AND severity >= \"ERROR\" AND NOT jsonPayload.message = \"delivery\""
      advice   = <<-EOT
        An instance does not start, was killed, or found malformed keys. The log line says which.
      EOT
    }
    redelivered = {
      severity = "WARNING"
      title    = "event published again"
      filter   = "${local.delivery_lines} AND jsonPayload.redelivered = true"
      advice   = <<-EOT
        After a crash or a lost answer an event was published a second time, or perhaps for the first; its message carries `ce-redelivered: true`.
        One now and then is normal. Many mean that instances die (memory, timeout) or that Firestore's answers are lost.
      EOT
    }
  }

  receiver_metric_alerts = merge(
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
        title    = "receiver answering 5xx"
        query    = "sum(increase(run_googleapis_com:request_count{${local.resource},service_name=\"${var.receiver.service}\",response_code_class=\"5xx\"}[30m])) > ${var.thresholds.server_errors}"
        duration = "60s"
        advice   = <<-EOT
          The service answered 5xx more than ${var.thresholds.server_errors} times in half an hour. Where no delivery line says why, instances do not start or are killed: look at the service's log for the start-up message, memory and timeouts.
        EOT
      }
      # The share of failures uses up the month's allowance 14 times as fast as it may, over an hour
      # and still: https://sre.google/workbook/alerting-on-slos/
      availability = {
        severity = "CRITICAL"
        title    = "genuine deliveries not acknowledged"
        query = join(" and ", [for window in ["1h", "5m"] : join("", [
          "(1 - sum(increase(${local.deliveries_metric}{${local.resource},${local.acknowledged}}[${window}]))",
          " / sum(increase(${local.deliveries_metric}{${local.resource},${local.genuine}}[${window}])) > ${format("%.6g", 14.4 * (1 - var.thresholds.availability))})",
        ])])
        duration = "60s"
        advice   = <<-EOT
          Of the genuine deliveries of the last hour and of the last five minutes too many were not answered 2xx, for an objective of ${100 * var.thresholds.availability} %. Gemini repeats them for 24 hours.
        EOT
      }
      # As above for an objective of 99 % in time: more than 14.4 % are late if this quantile is.
      latency = {
        severity = "WARNING"
        title    = "deliveries answered late"
        query = join(" and ", [for window in ["1h", "5m"] :
          "(histogram_quantile(0.856, sum by (le) (increase(${local.latency_metric}_bucket{${local.resource},${local.acknowledged}}[${window}]))) > ${var.thresholds.latency_ms})"
        ])
        duration = "60s"
        advice   = <<-EOT
          Of the deliveries of the last hour and of the last five minutes more than one in seven took longer than ${var.thresholds.latency_ms} ms. Gemini gives up an answer after a few seconds and delivers again.
        EOT
      }
      uptime = {
        severity = "CRITICAL"
        title    = "receiver not reachable"
        query    = "avg(monitoring_googleapis_com:uptime_check_check_passed{monitored_resource=\"uptime_url\",host=\"${var.receiver.host}\"}) < 0.5"
        duration = "300s"
        advice   = <<-EOT
          `GET /` of the receiver fails from most places in the world. No delivery gets through; Gemini repeats them for 24 hours and then disables the webhook.
        EOT
      }
    },
    var.receiver == null || var.thresholds.no_delivery_hours == null ? {} : {
      no-delivery = {
        severity = "ERROR"
        title    = "no delivery"
        query    = "(sum(increase(${local.deliveries_metric}{${local.resource},${local.acknowledged}}[${coalesce(var.thresholds.no_delivery_hours, 1)}h])) or vector(0)) < 1"
        duration = "600s"
        advice   = <<-EOT
          No genuine delivery came in for ${coalesce(var.thresholds.no_delivery_hours, 1)} hours. Jobs may have ended without their events: see whether the webhook is enabled at Gemini.
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
