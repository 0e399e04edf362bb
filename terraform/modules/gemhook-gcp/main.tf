# gemhook on Google Cloud: the backend (topic, ledger, secrets), the receiver as a Cloud Function in
# front of it, and metrics, alerts and a dashboard for both. There is no provider block, so that
# for_each and depends_on work on the module.

locals {
  labels        = merge({ app = "gemhook", instance = var.name }, var.labels)
  base_url      = var.domain == null ? module.receiver.url : module.edge[0].url
  public_access = coalesce(var.function.public_access, true)

  open_by_hand = local.public_access ? [] : [
    for service in concat(["receiver"], var.collect == null ? [] : ["collect"], var.reconcile == null ? [] : ["reconcile"]) :
    "gcloud run services update ${var.name}-${service} --region=${var.region} --project=${var.project_id} --no-invoker-iam-check"
  ]
}

# Everything below takes the project from here, and so waits for its APIs.
module "apis" {
  source = "../apis"

  project_id = var.project_id
  services = concat(
    [
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
    ],
    var.domain == null ? [] : ["compute.googleapis.com"],
    var.reconcile == null ? [] : ["cloudscheduler.googleapis.com"],
    var.storage.kms_key == null ? [] : ["cloudkms.googleapis.com"],
    anytrue([for s in values(var.subscriptions) : s.bigquery != null]) ? ["bigquery.googleapis.com"] : [],
  )
}

module "build" {
  source = "../build"

  project_id = module.apis.project_id
  name       = var.name
  region     = var.region
  labels     = local.labels
  bucket     = local.source_bucket
  kms_key    = local.kms_key
}

module "receiver" {
  source = "../receiver"

  project_id        = module.apis.project_id
  name              = var.name
  region            = var.region
  labels            = local.labels
  backend           = local.backend
  build             = module.build
  settings          = var.settings
  runtime           = var.function.runtime
  cpu               = var.function.cpu
  memory            = var.function.memory
  concurrency       = var.function.concurrency
  min_instances     = var.function.min_instances
  max_instances     = var.function.max_instances
  timeout_seconds   = var.function.timeout_seconds
  keep_request_logs = var.function.keep_request_logs
  public_access     = local.public_access
  kms_key           = local.kms_key
  ingress           = try(var.domain.close_function_url, false) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_ALL"
}

module "edge" {
  source = "../edge"
  count  = var.domain == null ? 0 : 1

  project_id          = module.apis.project_id
  name                = var.name
  region              = var.region
  labels              = local.labels
  service             = module.receiver.service
  domain              = var.domain.name
  previous_domains    = var.domain.previous
  requests_per_minute = var.domain.requests_per_minute
}

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
  collect                  = var.collect == null ? null : { service = "${var.name}-collect", region = var.region }
  reconcile                = var.reconcile == null ? null : { service = "${var.name}-reconcile", region = var.region }
  tenants                  = coalesce(var.tenant_count, length(var.tenants))

  receiver = {
    service         = "${var.name}-receiver"
    region          = var.region
    signing_secrets = module.backend.signing_secrets
    url             = local.base_url
  }
}
