# What both clouds have in the same way: topics, ledger and secrets, and the commands that come
# next. The other module links to this file.

module "backend" {
  source = "../backend"

  project_id           = module.apis.project_id
  name                 = var.name
  labels               = local.labels
  firestore_location   = local.firestore_location
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

module "registration" {
  source = "../registration"

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
  api_keys                 = module.backend.api_keys
  gemhook                  = var.gemhook
  terraform_dir            = var.terraform_dir
  open_by_hand             = local.open_by_hand
}
