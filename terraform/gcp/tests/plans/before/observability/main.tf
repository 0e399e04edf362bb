resource "google_logging_metric" "deliveries" {
  count = 1

  filter = "x"
  name   = "x"
}

resource "google_logging_metric" "latency" {
  count = 1

  filter = "x"
  name   = "x"
}

resource "google_monitoring_alert_policy" "logged" {
  for_each = toset(["backend-unavailable", "keys-unavailable", "redelivered"])

  combiner     = "x"
  display_name = "x"

  conditions {
    display_name = "x"
  }
}

resource "google_monitoring_alert_policy" "measured" {
  for_each = toset(["backlog-age", "dead-letters", "server-errors", "signature-failures"])

  combiner     = "x"
  display_name = "x"

  conditions {
    display_name = "x"
  }
}

resource "google_monitoring_dashboard" "deliveries" {
  dashboard_json = "x"
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(["on-call@example.com"])

  type = "x"
}
