# The two functions beside the receiver, each off unless it is asked for.

module "collect" {
  source = "../collect"
  count  = var.collect == null ? 0 : 1

  project_id          = module.apis.project_id
  name                = var.name
  labels              = local.labels
  location            = coalesce(var.storage.data_location, var.region)
  backend             = local.backend_of_functions
  pubsub_agent        = module.backend.pubsub_agent
  settings            = var.settings
  url                 = module.collect_function[0].url
  expiration_days     = var.collect.expiration_days
  force_destroy       = var.collect.force_destroy
  deletion_protection = var.deletion_protection
  kms_key             = local.kms_key
}

module "collect_function" {
  source = "../cloudfunction"
  count  = var.collect == null ? 0 : 1

  project_id      = module.apis.project_id
  name            = var.name
  region          = var.region
  labels          = local.labels
  function        = "collect"
  function_name   = "${var.name}-collect"
  description     = "Stores what an event points to in a bucket, and says so on a topic"
  object_prefix   = "collect"
  build           = module.build
  service_account = module.collect[0].service_account
  environment     = module.collect[0].environment
  runtime         = var.function.runtime
  memory          = "${var.collect.memory_mb}Mi"
  concurrency     = 4 # as the function expects it
  max_instances   = var.collect.max_instances
  timeout_seconds = 540
  public_access   = local.public_access
  kms_key         = local.kms_key
}

module "reconcile" {
  source = "../reconcile"
  count  = var.reconcile == null ? 0 : 1

  project_id    = module.apis.project_id
  name          = var.name
  backend       = local.backend_of_functions
  has_results   = var.collect != null
  results_topic = one(module.collect[*].topic)
  settings      = var.settings
  url           = "${local.base_url}/"
  find_after    = var.reconcile.find_after
  find_prefix   = var.reconcile.find_prefix
  finish_rate   = var.reconcile.finish_rate
  canary        = var.reconcile.canary
}

module "reconcile_function" {
  source = "../cloudfunction"
  count  = var.reconcile == null ? 0 : 1

  project_id      = module.apis.project_id
  name            = var.name
  region          = var.region
  labels          = local.labels
  function        = "reconcile"
  function_name   = "${var.name}-reconcile"
  description     = "Finishes what was left, enables the webhook again, finds batches whose event never came"
  object_prefix   = "reconcile"
  build           = module.build
  service_account = module.reconcile[0].service_account
  environment     = module.reconcile[0].environment
  runtime         = var.function.runtime
  concurrency     = 1
  max_instances   = 1
  timeout_seconds = 540
  public_access   = local.public_access
  kms_key         = local.kms_key
}

resource "google_cloud_scheduler_job" "reconcile" {
  count = var.reconcile == null ? 0 : 1

  project          = module.apis.project_id
  region           = var.region
  name             = "${var.name}-reconcile"
  description      = "Finishes what was left (gemhook)"
  schedule         = var.reconcile.every_minutes == 60 ? "0 * * * *" : "*/${var.reconcile.every_minutes} * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "600s"

  http_target {
    http_method = "POST"
    uri         = "${module.reconcile_function[0].url}/"

    oidc_token {
      service_account_email = module.reconcile[0].caller
      audience              = module.reconcile[0].audience
    }
  }
}
