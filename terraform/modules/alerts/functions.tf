# Alerts of the functions beside the receiver.

locals {
  lines_of = { for name, function in { collect = var.collect, reconcile = var.reconcile } : name => join(" AND ", [
    "resource.type = \"cloud_run_revision\"",
    "resource.labels.service_name = \"${try(function.service, "")}\"",
    "resource.labels.location = \"${try(function.region, "")}\"",
  ]) }

  collect_log_alerts = var.collect == null ? {} : {
    results-unavailable = {
      severity = "WARNING"
      title    = "result unavailable"
      filter   = "${local.lines_of.collect} AND jsonPayload.message = \"collection\" AND jsonPayload.outcome = \"unavailable\""
      advice   = <<-EOT
        Gemini has no result for an event, or none that gemhook may read: the file is gone, all videos were filtered, or the pointer leads elsewhere. The `reason` of the log line and of the result message says which.
      EOT
    }
    collect-process = {
      severity = "ERROR"
      title    = "collect: error outside of a collection"
      filter   = "${local.lines_of.collect} AND severity >= \"ERROR\" AND NOT jsonPayload.message = \"collection\""
      advice   = <<-EOT
        An instance of collect does not start, was killed, or found malformed API keys. The log line says which.
      EOT
    }
  }

  # A single 503 is how collect says that a job is not at its end yet.
  collect_metric_alerts = var.collect == null ? {} : {
    collect-failing = {
      severity = "ERROR"
      title    = "collect failing"
      query    = "sum(increase(run_googleapis_com:request_count{${local.resource},service_name=\"${var.collect.service}\",response_code_class=\"5xx\"}[30m])) > 10"
      duration = "60s"
      advice   = <<-EOT
        collect answered 5xx more than ten times in half an hour: Gemini, the bucket, the ledger or the topic refuses, or the API key does. Pub/Sub tries each event 100 times; then it is a dead letter.
      EOT
    }
  }

  reconcile_log_alerts = var.reconcile == null ? {} : {
    reconcile-failed = {
      severity = "ERROR"
      title    = "reconcile failed"
      filter   = "${local.lines_of.reconcile} AND severity >= \"ERROR\""
      advice   = <<-EOT
        A run of reconcile failed in part or as a whole, or a webhook that it turned on again does not accept its ping. The log line says what each job did.
      EOT
    }
    reconcile-put-right = {
      severity = "WARNING"
      title    = "reconcile put something right"
      filter   = "${local.lines_of.reconcile} AND jsonPayload.message = \"reconciliation\" AND jsonPayload.outcome = \"put right\""
      advice   = <<-EOT
        Something had been left undone and is done now: a delivery that was claimed and not published, a webhook that Gemini had disabled, or a batch whose event never came. The log line says which.
      EOT
    }
  }

  reconcile_metric_alerts = var.reconcile == null ? {} : {
    reconcile-missing = {
      severity = "ERROR"
      title    = "reconcile does not run"
      query    = "(sum(increase(run_googleapis_com:request_count{${local.resource},service_name=\"${var.reconcile.service}\",response_code_class=\"2xx\"}[3h])) or vector(0)) < 1"
      duration = "600s"
      advice   = <<-EOT
        No run of reconcile ended well for three hours. What is left undone stays so.
      EOT
    }
  }
}
