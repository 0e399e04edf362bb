mock_provider "google" {
  mock_resource "google_monitoring_notification_channel" {
    defaults = { name = "projects/my-project/notificationChannels/42" }
  }
}

variables {
  project_id = "my-project"
  name       = "gem-hook"
  labels     = { app = "gemhook" }
  receiver = {
    service         = "gem-hook-receiver"
    region          = "us-central1"
    signing_secrets = "gem-hook-signing-secrets"
    url             = "https://hooks.example.com/"
  }
  subscriptions            = { all = "gem-hook-all", batches = "gem-hook-batches" }
  dead_letter_subscription = "gem-hook-dead-letters"
}

run "metrics" {
  command = apply

  assert {
    condition     = google_logging_metric.deliveries[0].filter == "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"gem-hook-receiver\" AND resource.labels.location = \"us-central1\" AND jsonPayload.message = \"delivery\""
    error_message = "Metrics are made of the one receiver's delivery lines."
  }

  assert {
    condition     = toset([for l in google_logging_metric.deliveries[0].metric_descriptor[0].labels : l.key]) == toset(keys(google_logging_metric.deliveries[0].label_extractors))
    error_message = "Every label is extracted, and nothing else is."
  }

  assert {
    condition     = google_logging_metric.latency[0].value_extractor == "EXTRACT(jsonPayload.duration_ms)" && google_logging_metric.latency[0].metric_descriptor[0].value_type == "DISTRIBUTION"
    error_message = "The latency is a distribution of the line's duration."
  }
}

run "alerts" {
  command = apply

  variables {
    notification_emails   = ["on-call@example.com"]
    notification_channels = ["projects/my-project/notificationChannels/7"]
    thresholds            = { signature_failures = 50 }
  }

  assert {
    condition     = sort(concat(keys(google_monitoring_alert_policy.logged), keys(google_monitoring_alert_policy.measured))) == tolist(["availability", "backend-unavailable", "backlog-age", "dead-letters", "internal", "keys-unavailable", "latency", "process", "redelivered", "server-errors", "signature-failures", "uptime"])
    error_message = "Unexpected alerts."
  }

  assert {
    condition     = alltrue([for p in concat(values(google_monitoring_alert_policy.logged), values(google_monitoring_alert_policy.measured)) : p.notification_channels == tolist(["projects/my-project/notificationChannels/7", "projects/my-project/notificationChannels/42"]) && p.documentation[0].content != ""])
    error_message = "Every alert tells every channel what to do."
  }

  assert {
    condition     = alltrue([for p in values(google_monitoring_alert_policy.logged) : length(p.conditions) == 1 && length(p.alert_strategy[0].notification_rate_limit) == 1])
    error_message = "An alert on log lines has one condition and a rate limit, or the API refuses it."
  }

  assert {
    condition     = alltrue([for p in values(google_monitoring_alert_policy.measured) : p.conditions[0].condition_prometheus_query_language[0].disable_metric_validation && length(p.alert_strategy[0].notification_rate_limit) == 0])
    error_message = "An alert on a metric does not wait for the metric, and has no rate limit, or the API refuses it."
  }

  assert {
    condition     = alltrue([for p in values(google_monitoring_alert_policy.measured) : p.conditions[0].condition_prometheus_query_language[0].duration != "0s"])
    error_message = "A duration of zero comes back as none, which would be a change in every later plan."
  }

  assert {
    condition     = google_monitoring_alert_policy.measured["signature-failures"].conditions[0].condition_prometheus_query_language[0].query == "sum(increase(logging_googleapis_com:user_gem_hook_deliveries{monitored_resource=\"cloud_run_revision\",outcome=~\"bad_signature|stale_timestamp|unknown_token|bad_token\"}[10m])) > 50"
    error_message = google_monitoring_alert_policy.measured["signature-failures"].conditions[0].condition_prometheus_query_language[0].query
  }

  assert {
    condition     = google_monitoring_alert_policy.measured["backlog-age"].conditions[0].condition_prometheus_query_language[0].query == "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{subscription_id=~\"gem-hook-all|gem-hook-batches\"}) > 900"
    error_message = google_monitoring_alert_policy.measured["backlog-age"].conditions[0].condition_prometheus_query_language[0].query
  }
}

run "uptime" {
  command = apply

  variables {
    thresholds = { no_delivery_hours = 6 }
  }

  assert {
    condition     = google_monitoring_uptime_check_config.receiver[0].monitored_resource[0].labels["host"] == "hooks.example.com"
    error_message = "The check asks the receiver's host."
  }

  assert {
    condition     = contains(keys(google_monitoring_alert_policy.measured), "uptime") && contains(keys(google_monitoring_alert_policy.measured), "no-delivery")
    error_message = "There is an alert on the check, and one on silence."
  }
}

run "dashboard" {
  command = apply

  # The API drops zero values, and each would be a change in every later plan.
  assert {
    condition     = !can(regex(":(0|false|null|\"\"|\\[\\]|\\{\\})[,}\\]]", google_monitoring_dashboard.deliveries.dashboard_json))
    error_message = "The dashboard holds a zero value: ${google_monitoring_dashboard.deliveries.dashboard_json}"
  }

  assert {
    condition     = alltrue([for t in jsondecode(google_monitoring_dashboard.deliveries.dashboard_json).mosaicLayout.tiles : try(t.xPos, 0) + t.width <= 48 && length(t.widget) == 2])
    error_message = "Every tile lies on the grid and shows one thing."
  }

  # Two tiles may share a row or a column, never both.
  assert {
    condition = length(distinct([
      for t in jsondecode(google_monitoring_dashboard.deliveries.dashboard_json).mosaicLayout.tiles : "${try(t.xPos, 0)},${try(t.yPos, 0)}"
    ])) == length(jsondecode(google_monitoring_dashboard.deliveries.dashboard_json).mosaicLayout.tiles)
    error_message = "Two tiles lie on each other."
  }
}

run "tenants" {
  command = apply

  variables {
    tenants = 200
  }

  assert {
    condition     = strcontains(google_logging_metric.tenants[0].filter, "jsonPayload.outcome != \"unknown_token\"") && toset(keys(google_logging_metric.tenants[0].label_extractors)) == toset(["tenant", "outcome"])
    error_message = "Deliveries are counted by tenant and outcome, and a name that anybody writes is none."
  }

  assert {
    condition     = length([for t in jsondecode(google_monitoring_dashboard.deliveries.dashboard_json).mosaicLayout.tiles : t if endswith(t.widget.title, "by tenant")]) == 2
    error_message = "The dashboard has a row of tenants."
  }
}

run "too_many_tenants" {
  command = apply

  variables {
    tenants = 201
  }

  assert {
    condition     = length(google_logging_metric.tenants) == 0 && !strcontains(google_monitoring_dashboard.deliveries.dashboard_json, "by tenant")
    error_message = "More than 200 tenants have no time series each."
  }
}

run "receiver_elsewhere" {
  command = apply

  variables {
    receiver = null
    tenants  = 3
  }

  assert {
    condition     = length(google_logging_metric.deliveries) + length(google_logging_metric.tenants) == 0 && length(google_monitoring_alert_policy.logged) == 0 && keys(google_monitoring_alert_policy.measured) == ["backlog-age", "dead-letters"]
    error_message = "Without the receiver only Pub/Sub is watched."
  }

  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.deliveries.dashboard_json).mosaicLayout.tiles) == 3
    error_message = "Without the receiver only Pub/Sub is shown."
  }
}

run "bad_email" {
  command = plan

  variables {
    notification_emails = ["on-call"]
  }

  expect_failures = [var.notification_emails]
}

run "bad_channel" {
  command = plan

  variables {
    notification_channels = ["42"]
  }

  expect_failures = [var.notification_channels]
}

run "bad_threshold" {
  command = plan

  variables {
    thresholds = { backlog_age_seconds = -1 }
  }

  expect_failures = [var.thresholds]
}

run "nothing_to_watch" {
  command = plan

  variables {
    subscriptions = {}
  }

  expect_failures = [var.subscriptions]
}

run "bad_name" {
  command = plan

  variables {
    name = "gem_hook"
  }

  expect_failures = [var.name]
}

run "bad_silence" {
  command = plan

  variables {
    thresholds = { no_delivery_hours = 24 }
  }

  expect_failures = [var.thresholds]
}

run "bad_objective" {
  command = plan

  variables {
    thresholds = { availability = 1 }
  }

  expect_failures = [var.thresholds]
}
