resource "google_monitoring_alert_policy" "measured" {
  for_each = toset(["backlog-age", "dead-letters"])

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
