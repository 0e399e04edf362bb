# The one place in Terraform that names the functions' environment variables. It needs no provider,
# so that a test can evaluate it anywhere.
locals {
  secrets = "projects/${var.project_id}/secrets"

  every = {
    GOOGLE_CLOUD_PROJECT       = var.project_id
    GEMHOOK_DATABASE           = var.backend.database
    GEMHOOK_COLLECTION         = var.backend.collection
    GEMHOOK_RETENTION          = var.backend.retention
    GEMHOOK_LEASE              = var.settings.lease
    LOG_LEVEL                  = var.settings.log_level
    GEMHOOK_GOOGLE_CREDENTIALS = var.google_credentials
  }

  receive = {
    GEMHOOK_TOPIC             = var.backend.topic
    GEMHOOK_DEAD_LETTER_TOPIC = var.backend.dead_letter_topic
    GEMHOOK_SIGNING_SECRETS   = "${local.secrets}/${coalesce(var.backend.signing_secrets, "-")}"
    GEMHOOK_DYNAMIC_KEYS      = "${local.secrets}/${coalesce(var.backend.dynamic_keys, "-")}"
    GEMHOOK_JWKS_URL          = var.settings.jwks_url
    GEMHOOK_JWT_AUDIENCE      = var.settings.jwt_audience
    GEMHOOK_TOLERANCE         = var.settings.tolerance
    GEMHOOK_MAX_BODY          = tostring(var.settings.max_body)
  }

  collect = {
    GEMHOOK_API_KEYS       = "${local.secrets}/${coalesce(var.backend.api_keys, "-")}"
    GEMHOOK_RESULTS_BUCKET = try(var.collect.bucket, null)
    GEMHOOK_RESULTS_TOPIC  = try(var.collect.topic, null)
    GEMHOOK_PUSH_AUDIENCE  = try(var.caller.audience, null)
    GEMHOOK_PUSH_ACCOUNT   = try(var.caller.account, null)
  }

  reconcile = {
    GEMHOOK_TOPIC             = var.backend.topic
    GEMHOOK_DEAD_LETTER_TOPIC = var.backend.dead_letter_topic
    GEMHOOK_API_KEYS          = "${local.secrets}/${coalesce(var.backend.api_keys, "-")}"
    GEMHOOK_URL               = try(var.reconcile.url, null)
    GEMHOOK_FIND_AFTER        = try(var.reconcile.find_after, null)
    GEMHOOK_FIND_PREFIX       = try(var.reconcile.find_prefix, null)
    GEMHOOK_FINISH_RATE       = try(tostring(var.reconcile.finish_rate), null)
    GEMHOOK_CANARY            = try(tostring(var.reconcile.canary), null)
    GEMHOOK_PUSH_AUDIENCE     = try(var.caller.audience, null)
    GEMHOOK_PUSH_ACCOUNT      = try(var.caller.account, null)
  }

  own = {
    receive   = tomap(local.receive)
    collect   = tomap(local.collect)
    reconcile = tomap(local.reconcile)
  }

  # What is not set is left to the function's own default.
  variables = tomap({ for name, value in merge(local.every, local.own[var.function]) : name => value if value != null })
}
