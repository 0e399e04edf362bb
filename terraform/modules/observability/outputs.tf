output "dashboard_url" {
  description = "Where the dashboard can be looked at."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.deliveries.id), -1)}?project=${var.project_id}"
}

output "alert_policies" {
  description = "Display names of the alert policies."
  value       = sort([for policy in concat(values(google_monitoring_alert_policy.logged), values(google_monitoring_alert_policy.measured)) : policy.display_name])
}
