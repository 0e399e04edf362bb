# Logs who reads and who writes what; what administrators do is always logged. The setting is one of
# the whole project: whatever else in it uses these services is logged too.
resource "google_project_iam_audit_config" "data_access" {
  for_each = toset(var.audit_logs ? ["pubsub.googleapis.com", "firestore.googleapis.com", "secretmanager.googleapis.com"] : [])

  project = var.project_id
  service = each.value

  dynamic "audit_log_config" {
    for_each = toset(["DATA_READ", "DATA_WRITE"])

    content {
      log_type = audit_log_config.value
    }
  }
}
