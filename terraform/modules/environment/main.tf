# The one place in Terraform that names the receiver's environment variables.
# It needs no provider, so that a test can evaluate it anywhere.
locals {
  settings = {
    GOOGLE_CLOUD_PROJECT       = var.project_id
    GEMHOOK_TOPIC              = var.backend.topic
    GEMHOOK_DEAD_LETTER_TOPIC  = var.backend.dead_letter_topic
    GEMHOOK_DATABASE           = var.backend.database
    GEMHOOK_COLLECTION         = var.backend.collection
    GEMHOOK_RETENTION          = var.backend.retention
    GEMHOOK_SIGNING_SECRETS    = "projects/${var.project_id}/secrets/${var.backend.signing_secrets}"
    GEMHOOK_DYNAMIC_KEYS       = "projects/${var.project_id}/secrets/${var.backend.dynamic_keys}"
    GEMHOOK_JWKS_URL           = var.settings.jwks_url
    GEMHOOK_JWT_AUDIENCE       = var.settings.jwt_audience
    GEMHOOK_TOLERANCE          = var.settings.tolerance
    GEMHOOK_LEASE              = var.settings.lease
    GEMHOOK_MAX_BODY           = tostring(var.settings.max_body)
    LOG_LEVEL                  = var.settings.log_level
    GEMHOOK_GOOGLE_CREDENTIALS = var.google_credentials
  }

  # What is not set is left to the receiver's own default.
  variables = tomap({ for name, value in local.settings : name => value if value != null })
}
