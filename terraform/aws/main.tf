# gemhook on AWS Lambda: the receiver runs on AWS, its backend (topic, ledger,
# secrets) lies on Google Cloud, and workload identity federation lets one reach
# the other without any key.

provider "aws" {
  region = var.aws_region
}

provider "google" {
  project = var.project_id
}

provider "google-beta" {
  project = var.project_id
}

locals {
  labels = merge({ app = "gemhook", instance = var.name }, var.labels)
}

# Everything below takes the project from here, and so waits for its APIs.
module "apis" {
  source = "../modules/apis"

  project_id = var.project_id
  services = [
    "cloudresourcemanager.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "secretmanager.googleapis.com",
    "sts.googleapis.com",
  ]
}

module "backend" {
  source = "../modules/backend"

  project_id          = module.apis.project_id
  name                = var.name
  labels              = local.labels
  firestore_location  = var.firestore_location
  database            = var.name
  retention_hours     = var.retention_hours
  listing             = var.listing
  deletion_protection = var.deletion_protection
  dynamic_key_version = var.dynamic_key_version
  subscriptions       = var.subscriptions
}

module "lambda" {
  source = "../modules/lambda"

  project_id                   = module.apis.project_id
  name                         = var.name
  labels                       = local.labels
  backend                      = module.backend
  settings                     = var.settings
  package                      = var.package
  memory_mb                    = var.function.memory_mb
  timeout_seconds              = var.function.timeout_seconds
  max_concurrency              = var.function.max_concurrency
  log_retention_days           = var.function.log_retention_days
  signature_failures_threshold = var.alert_thresholds.signature_failures
  alarm_topics                 = var.alarm_topics
}

# The receiver's own lines are in CloudWatch, where the lambda module alarms on
# them; here is what Pub/Sub shows.
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
}

module "registration" {
  source = "../modules/registration"

  project_id               = module.apis.project_id
  name                     = var.name
  base_url                 = module.lambda.url
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
  terraform_dir            = "terraform/aws"
}
