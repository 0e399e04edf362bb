module "encryption" {
  source = "../encryption"
  count  = var.storage.kms_key == null ? 0 : 1

  project_id = module.apis.project_id
  kms_key    = var.storage.kms_key
  services   = ["firestore.googleapis.com", "pubsub.googleapis.com", "secretmanager.googleapis.com"]
  bigquery   = anytrue([for s in values(var.subscriptions) : s.bigquery != null])
}

locals {
  # Known to be null at plan, and otherwise there once the services may use it.
  kms_key = one(module.encryption[*].kms_key)

  # A key lies in one region, and serves only what lies there.
  kms_location     = try(split("/", var.storage.kms_key)[3], null)
  secret_locations = length(var.storage.secret_locations) > 0 || local.kms_location == null ? var.storage.secret_locations : [local.kms_location]
}
