# Every event in a BigQuery table, with a view that has each once; batches in files as well; and a
# team of another project that pulls.

provider "google" {
  project = "my-project"
}

provider "google-beta" {
  project = "my-project"
}

module "gemhook" {
  source = "../../modules/gemhook-gcp"

  project_id           = "my-project"
  topic_retention_days = 7
  storage              = { data_location = "EU" }
  consumers            = ["group:events@example.com"]

  subscriptions = {
    warehouse = { bigquery = { expiration_days = 400 } }
    archive   = { types = ["batch.*"], cloud_storage = { minutes = 10 } }
  }
}

output "views" {
  description = "BigQuery views that have each event once."
  value       = module.gemhook.views
}
