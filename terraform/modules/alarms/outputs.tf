output "logged" {
  description = "Function to alarms on its log lines: name to pattern, threshold and description."
  value = { for function, alarms in local.all : function => { for name, alarm in alarms : name => {
    pattern     = alarm.pattern
    above       = try(alarm.above, 0)
    description = "${alarm.description}\n\nRunbook: ${local.runbook}/${alarm.page}.md"
  } } }
}

output "idle" {
  description = "Function to the description of the alarm for one that its schedule does not call."
  value       = { reconcile = "No run of reconcile began for three hours. What is left undone stays so.\n\nRunbook: ${local.runbook}/reconcile-missing.md" }
}

output "errors" {
  description = "Function to the description of the alarm for one that crashes, runs out of time or cannot start."
  value = { for function, page in { receiver = "process", collect = "collect-process", reconcile = "reconcile-failed" } : function =>
    "The function crashes, runs out of time, or cannot start; the log group says why.\n\nRunbook: ${local.runbook}/${page}.md"
  }
}
