# The signing secrets start without a version: Gemini makes one when the webhook is registered,
# which needs the receiver's URL. Until one is stored the receiver answers keys_unavailable. API
# keys are stored by the user.
resource "google_secret_manager_secret" "secret" {
  for_each = setunion(["signing_secrets", "dynamic_keys"], var.api_keys ? ["api_keys"] : [])

  project         = var.project_id
  secret_id       = "${var.name}-${replace(each.key, "_", "-")}"
  labels          = var.labels
  deletion_policy = local.deletion_policy

  replication {
    dynamic "auto" {
      for_each = length(var.secret_locations) == 0 ? [true] : []

      content {}
    }

    dynamic "user_managed" {
      for_each = length(var.secret_locations) == 0 ? [] : [true]

      content {
        dynamic "replicas" {
          for_each = var.secret_locations

          content {
            location = replicas.value

            dynamic "customer_managed_encryption" {
              for_each = var.kms_key[*]

              content {
                kms_key_name = customer_managed_encryption.value
              }
            }
          }
        }
      }
    }
  }
}

# Each run makes a new one, which is stored nowhere and used only when dynamic_key_version changes.
ephemeral "random_bytes" "dynamic_key" {
  length = 32
}

locals {
  # The form that the receiver takes: the prefix, and the bytes in base64url without padding.
  dynamic_key = "dynkey_${trimsuffix(replace(replace(ephemeral.random_bytes.dynamic_key.base64, "+", "-"), "/", "_"), "=")}"
}

resource "google_secret_manager_secret_version" "dynamic_key" {
  secret                 = google_secret_manager_secret.secret["dynamic_keys"].id
  secret_data_wo         = local.dynamic_key
  secret_data_wo_version = var.dynamic_key_version
  deletion_policy        = "DISABLE" # a replaced key can be enabled again

  lifecycle {
    create_before_destroy = true
  }
}
