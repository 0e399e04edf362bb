output "logged" {
  description = "Alerts on log lines: key to title, severity, filter and advice."
  value       = local.logged
}

output "measured" {
  description = "Alerts on metrics: key to title, severity, PromQL query, duration and advice."
  value       = local.measured
}

output "delivery_lines" {
  description = "Filter of the receiver's delivery lines."
  value       = local.delivery_lines
}

output "deliveries_metric" {
  description = "PromQL name of the metric that counts deliveries."
  value       = local.deliveries_metric
}

output "latency_metric" {
  description = "PromQL name of the metric of the time to answer."
  value       = local.latency_metric
}
