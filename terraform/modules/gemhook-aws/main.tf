# gemhook on AWS Lambda: the receiver runs on AWS, its backend (topic, ledger, secrets) lies on
# Google Cloud, and workload identity federation lets one reach the other without any key. There is
# no provider block, so that for_each and depends_on work on the module.

locals {
  labels             = merge({ app = "gemhook", instance = var.name }, var.labels)
  base_url           = module.lambda.url
  firestore_location = var.firestore_location
  open_by_hand       = [] # a function URL is opened by Terraform
  dist               = "${path.module}/../../../dist"
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

# The receiver's own lines are in CloudWatch, where the lambda module alarms on them; here is what
# Pub/Sub shows.
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
