# Starts without a version: Gemini makes the signing secret when the webhook is
# registered, which needs the receiver's URL. Until one is stored the receiver
# answers keys_unavailable.
resource "google_secret_manager_secret" "signing_secrets" {
  project   = var.project_id
  secret_id = "${var.name}-signing-secrets"
  labels    = var.labels

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret" "dynamic_keys" {
  project   = var.project_id
  secret_id = "${var.name}-dynamic-keys"
  labels    = var.labels

  replication {
    auto {}
  }
}

# Made in every run, kept nowhere, and used only when dynamic_key_version changes.
ephemeral "random_bytes" "dynamic_key" {
  length = 32
}

locals {
  # The form that the receiver takes: the prefix, and the bytes in base64url without padding.
  dynamic_key = "dynkey_${trimsuffix(replace(replace(ephemeral.random_bytes.dynamic_key.base64, "+", "-"), "/", "_"), "=")}"
}

resource "google_secret_manager_secret_version" "dynamic_key" {
  secret                 = google_secret_manager_secret.dynamic_keys.id
  secret_data_wo         = local.dynamic_key
  secret_data_wo_version = var.dynamic_key_version
  deletion_policy        = "DISABLE" # a replaced key can be had back

  lifecycle {
    create_before_destroy = true
  }
}
