# The receiver on Google Cloud, set up for production: a domain of its own, no cold start, an
# address that alerts are sent to, and a worker that is called for each event.

provider "google" {
  project = "my-project"
}

provider "google-beta" {
  project = "my-project"
}

module "gemhook" {
  source = "../../modules/gemhook-gcp" # elsewhere: "git::https://github.com/gemhook/gemhook.git//terraform/modules/gemhook-gcp?ref=VERSION"

  project_id          = "my-project"
  region              = "europe-west1"
  domain              = { name = "hooks.example.com" }
  function            = { min_instances = 1 }
  notification_emails = ["on-call@example.com"]

  subscriptions = {
    worker = {
      types = ["batch.*"]
      push  = { endpoint = "https://worker.example.com/", service_account = "worker-push@my-project.iam.gserviceaccount.com" }
    }
  }
}

output "next_steps" {
  description = "What to do next, with the exact commands."
  value       = module.gemhook.next_steps
}
