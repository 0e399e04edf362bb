module "environment" {
  source = "../environment"

  project_id = var.project_id
  backend    = var.backend
  settings   = var.settings
}

module "access" {
  source = "../access"

  project_id = var.project_id
  member     = google_service_account.receiver.member
  database   = var.backend.database

  publishes_on = {
    events       = var.backend.topic
    dead_letters = var.backend.dead_letter_topic
  }

  reads = {
    signing_secrets = var.backend.signing_secrets
    dynamic_keys    = var.backend.dynamic_keys
  }
}

resource "google_service_account" "receiver" {
  project      = var.project_id
  account_id   = "${var.name}-receiver"
  display_name = "gemhook receiver (${var.name})"
}

module "function" {
  source = "../cloudfunction"

  project_id        = var.project_id
  name              = var.name
  region            = var.region
  labels            = var.labels
  function          = "receive"
  function_name     = "${var.name}-receiver"
  description       = "Receives Gemini API webhooks, verifies each and publishes it once"
  object_prefix     = "receiver"
  build             = var.build
  service_account   = trimprefix(module.access.member, "serviceAccount:")
  environment       = module.environment.variables
  runtime           = var.runtime
  cpu               = var.cpu
  memory            = var.memory
  concurrency       = var.concurrency
  min_instances     = var.min_instances
  max_instances     = var.max_instances
  timeout_seconds   = var.timeout_seconds
  ingress           = var.ingress
  keep_request_logs = var.keep_request_logs
  public_access     = var.public_access
  kms_key           = var.kms_key
}
