# Two instances from one module call, each with a project of its own.

provider "google" {}

provider "google-beta" {}

module "gemhook" {
  source   = "../../modules/gemhook-gcp"
  for_each = { staging = "my-staging-project", production = "my-production-project" }

  project_id          = each.value
  deletion_protection = each.key == "production"
  labels              = { environment = each.key }
}

output "static_urls" {
  description = "URL to register at Gemini, by environment."
  value       = { for environment, gemhook in module.gemhook : environment => gemhook.static_url }
}
