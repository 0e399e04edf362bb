# gemhook on Google Cloud, ready to be applied: the providers, and the module with every setting. If
# you have a configuration already, call the module from there. Terraform cannot pass on all
# settings at once, so they are listed here and in ../aws/main.tf; a test looks for each.

provider "google" {
  project = var.project_id
  region  = var.region
}

provider "google-beta" {
  project = var.project_id
  region  = var.region
}

module "gemhook" {
  source = "../modules/gemhook-gcp"

  project_id            = var.project_id
  name                  = var.name
  labels                = var.labels
  tenants               = var.tenants
  event_types           = var.event_types
  subscriptions         = var.subscriptions
  settings              = var.settings
  retention_hours       = var.retention_hours
  listing               = var.listing
  deletion_protection   = var.deletion_protection
  dynamic_key_version   = var.dynamic_key_version
  notification_emails   = var.notification_emails
  notification_channels = var.notification_channels
  alert_thresholds      = var.alert_thresholds
  consumers             = var.consumers
  topic_retention_days  = var.topic_retention_days
  storage               = var.storage
  region                = var.region
  firestore_location    = var.firestore_location
  function              = var.function
  domain                = var.domain
  tenant_count          = var.tenant_count
  collect               = var.collect
  reconcile             = var.reconcile

  gemhook       = "scripts/gemhook"
  terraform_dir = "terraform/gcp"
}

output "service" {
  description = "Name of the Cloud Run service behind the function."
  value       = module.gemhook.service
}

output "dns_record" {
  description = "Record to add to the domain's zone; null without a domain."
  value       = module.gemhook.dns_record
}

output "certificates" {
  description = "Domain to the name of its certificate; empty without a domain."
  value       = module.gemhook.certificates
}
