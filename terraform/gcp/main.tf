# gemhook on Google Cloud: the backend (topic, ledger, secrets), the receiver as
# a Cloud Function in front of it, and eyes on both.

provider "google" {
  project = var.project_id
  region  = var.region
}

provider "google-beta" {
  project = var.project_id
  region  = var.region
}

locals {
  labels = merge({ app = "gemhook", instance = var.name }, var.labels)

  base_url = var.domain == null ? module.receiver.url : module.edge[0].url
}

# Everything below takes the project from here, and so waits for its APIs.
module "apis" {
  source = "../modules/apis"

  project_id = var.project_id
  services = concat([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ], var.domain == null ? [] : ["compute.googleapis.com"])
}

module "backend" {
  source = "../modules/backend"

  project_id          = module.apis.project_id
  name                = var.name
  labels              = local.labels
  firestore_location  = coalesce(var.firestore_location, var.region)
  database            = var.name
  retention_hours     = var.retention_hours
  listing             = var.listing
  deletion_protection = var.deletion_protection
  dynamic_key_version = var.dynamic_key_version
  subscriptions       = var.subscriptions
}

module "receiver" {
  source = "../modules/receiver"

  project_id        = module.apis.project_id
  name              = var.name
  region            = var.region
  labels            = local.labels
  backend           = module.backend
  settings          = var.settings
  cpu               = var.function.cpu
  memory            = var.function.memory
  concurrency       = var.function.concurrency
  min_instances     = var.function.min_instances
  max_instances     = var.function.max_instances
  timeout_seconds   = var.function.timeout_seconds
  keep_request_logs = var.function.keep_request_logs
  ingress           = try(var.domain.close_function_url, false) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_ALL"
}

module "edge" {
  source = "../modules/edge"
  count  = var.domain == null ? 0 : 1

  project_id          = module.apis.project_id
  name                = var.name
  region              = var.region
  labels              = local.labels
  service             = module.receiver.service
  domain              = var.domain.name
  requests_per_minute = var.domain.requests_per_minute
}

module "observability" {
  source = "../modules/observability"

  project_id               = module.apis.project_id
  name                     = var.name
  labels                   = local.labels
  subscriptions            = module.backend.subscriptions
  dead_letter_subscription = module.backend.dead_letter_subscription
  thresholds               = var.alert_thresholds
  notification_emails      = var.notification_emails
  notification_channels    = var.notification_channels
  tenants                  = coalesce(var.tenant_count, length(var.tenants))

  receiver = {
    service         = module.receiver.service
    region          = var.region
    signing_secrets = module.backend.signing_secrets
    url             = local.base_url
  }
}

module "registration" {
  source = "../modules/registration"

  project_id               = module.apis.project_id
  name                     = var.name
  base_url                 = local.base_url
  tenants                  = var.tenants
  event_types              = var.event_types
  topic                    = module.backend.topic
  dead_letter_topic        = module.backend.dead_letter_topic
  dead_letter_subscription = module.backend.dead_letter_subscription
  database                 = module.backend.database
  collection               = module.backend.collection
  signing_secrets          = module.backend.signing_secrets
  dynamic_keys             = module.backend.dynamic_keys
  gemhook                  = "scripts/gemhook"
  terraform_dir            = "terraform/gcp"
}
