module "environment" {
  source = "../environment"

  project_id         = var.project_id
  backend            = var.backend
  settings           = var.settings
  google_credentials = module.function.google_credentials
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

# An instance starts during the deployment, and then has to have its grants: so the account's
# address comes from the access module, which waits for them.
module "function" {
  source = "../lambdafunction"

  project_id         = var.project_id
  name               = var.name
  labels             = var.labels
  function_name      = "${var.name}-receiver"
  description        = "Receives Gemini API webhooks, verifies each and publishes it once"
  package            = var.package
  environment        = module.environment.variables
  provider_id        = "aws"
  alarms             = var.alarms
  errors_alarm       = { name = "${var.name}-errors", description = var.errors_description }
  memory_mb          = var.memory_mb
  timeout_seconds    = var.timeout_seconds
  max_concurrency    = var.max_concurrency
  log_retention_days = var.log_retention_days
  alarm_topics       = var.alarm_topics

  pool = {
    id   = google_iam_workload_identity_pool.aws.workload_identity_pool_id
    name = google_iam_workload_identity_pool.aws.name
  }

  account = {
    name  = google_service_account.receiver.name
    email = trimprefix(module.access.member, "serviceAccount:")
  }
}
