# The two functions beside the receiver, collect and reconcile, for 500 tenants at a high rate.

provider "google" {
  project = "my-project"
}

provider "google-beta" {
  project = "my-project"
}

module "gemhook" {
  source = "../../modules/gemhook-gcp"

  project_id   = "my-project"
  listing      = false # for more than 250 deliveries a second
  tenant_count = 500
  collect      = { expiration_days = 30 }
  reconcile    = { canary = true }
}

output "results" {
  description = "Bucket, topic and subscription for results."
  value       = module.gemhook.results
}
