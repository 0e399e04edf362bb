# gemhook on AWS Lambda, ready to be applied: the providers, and the module with every setting. If
# you have a configuration already, call the module from there. Terraform cannot pass on all
# settings at once, so they are listed here and in ../gcp/main.tf; a test looks for each.

provider "aws" {
  region = var.aws_region
}

provider "google" {
  project = var.project_id
}

provider "google-beta" {
  project = var.project_id
}

module "gemhook" {
  source = "../modules/gemhook-aws"

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
  aws_region            = var.aws_region
  firestore_location    = var.firestore_location
  package               = var.package
  alarm_topics          = var.alarm_topics
  function              = var.function
  collect               = var.collect
  reconcile             = var.reconcile
  packages              = var.packages

  gemhook       = "scripts/gemhook"
  terraform_dir = "terraform/aws"
}

output "function_name" {
  description = "Name of the Lambda function."
  value       = module.gemhook.function_name
}

output "log_group" {
  description = "Name of the function's CloudWatch log group."
  value       = module.gemhook.log_group
}
