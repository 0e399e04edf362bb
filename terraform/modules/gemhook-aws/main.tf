# gemhook on AWS Lambda: the receiver runs on AWS, its backend (topic, ledger,
# secrets) lies on Google Cloud, and workload identity federation lets one reach
# the other without any key. There is no provider block, so that for_each and
# depends_on work on the module.

locals {
  labels = merge({ app = "gemhook", instance = var.name }, var.labels)
  dist   = "${path.module}/../../../dist"
}

# Everything below takes the project from here, and so waits for its APIs.
module "apis" {
  source = "../apis"

  project_id = var.project_id
  services = concat(
    [
      "cloudresourcemanager.googleapis.com",
      "firestore.googleapis.com",
      "iam.googleapis.com",
      "iamcredentials.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "secretmanager.googleapis.com",
      "sts.googleapis.com",
    ],
    anytrue([for s in values(var.subscriptions) : s.bigquery != null]) ? ["bigquery.googleapis.com"] : [],
    var.collect != null || anytrue([for s in values(var.subscriptions) : s.cloud_storage != null]) ? ["storage.googleapis.com"] : [],
    var.storage.kms_key == null ? [] : ["cloudkms.googleapis.com"],
  )
}

module "backend" {
  source = "../backend"

  project_id           = module.apis.project_id
  name                 = var.name
  labels               = local.labels
  firestore_location   = var.firestore_location
  database             = var.name
  retention_hours      = var.retention_hours
  listing              = var.listing
  deletion_protection  = var.deletion_protection
  dynamic_key_version  = var.dynamic_key_version
  subscriptions        = var.subscriptions
  consumers            = var.consumers
  topic_retention_days = var.topic_retention_days
  data_location        = var.storage.data_location
  message_regions      = var.storage.message_regions
  secret_locations     = local.secret_locations
  kms_key              = local.kms_key
  audit_logs           = var.storage.audit_logs
  api_keys             = var.collect != null || var.reconcile != null
  reconcile            = var.reconcile != null
}

locals {
  # Each value by itself, so that whatever uses one waits for nothing else of the backend.
  backend = {
    topic             = module.backend.topic
    dead_letter_topic = module.backend.dead_letter_topic
    database          = module.backend.database
    collection        = module.backend.collection
    retention         = module.backend.retention
    signing_secrets   = module.backend.signing_secrets
    dynamic_keys      = module.backend.dynamic_keys
  }

  backend_of_functions = {
    topic             = module.backend.topic
    dead_letter_topic = module.backend.dead_letter_topic
    database          = module.backend.database
    collection        = module.backend.collection
    retention         = module.backend.retention
    api_keys          = module.backend.api_keys
  }

  # Those whose backlog is watched.
  watched_subscriptions = merge(module.backend.subscriptions, var.collect == null ? {} : {
    collect = "${var.name}-collect"
    results = "${var.name}-results"
  })
}

module "alarms" {
  source = "../alarms"

  signature_failures = var.alert_thresholds.signature_failures
}

module "lambda" {
  source = "../lambda"

  project_id         = module.apis.project_id
  name               = var.name
  labels             = local.labels
  backend            = local.backend
  settings           = var.settings
  package            = coalesce(var.package, "${local.dist}/receive-lambda.zip")
  memory_mb          = var.function.memory_mb
  timeout_seconds    = var.function.timeout_seconds
  max_concurrency    = var.function.max_concurrency
  log_retention_days = var.function.log_retention_days
  alarms             = module.alarms.logged.receiver
  errors_description = module.alarms.errors.receiver
  alarm_topics       = var.alarm_topics
}

# The receiver's own lines are in CloudWatch, where the lambda module alarms on
# them; here is what Pub/Sub shows.
module "observability" {
  source = "../observability"

  project_id               = module.apis.project_id
  name                     = var.name
  labels                   = local.labels
  subscriptions            = local.watched_subscriptions
  dead_letter_subscription = module.backend.dead_letter_subscription
  thresholds               = var.alert_thresholds
  notification_emails      = var.notification_emails
  notification_channels    = var.notification_channels
}

module "registration" {
  source = "../registration"

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
  api_keys                 = module.backend.api_keys
  gemhook                  = var.gemhook
  terraform_dir            = var.terraform_dir
}
