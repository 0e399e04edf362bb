module "environment" {
  source = "../environment"

  project_id = var.project_id
  backend    = var.backend
  settings   = var.settings
}

module "access" {
  source = "../access"

  project_id = var.project_id
  member     = google_service_account.receiver.member
  backend    = var.backend
}

locals {
  function_name = "${var.name}-receiver"
}

resource "google_service_account" "receiver" {
  project      = var.project_id
  account_id   = "${var.name}-receiver"
  display_name = "gemhook receiver (${var.name})"
}

resource "google_cloudfunctions2_function" "receiver" {
  project     = var.project_id
  location    = var.region
  name        = local.function_name
  description = "Receives Gemini API webhooks, verifies each and publishes it once"
  labels      = var.labels

  build_config {
    runtime           = "go126"
    entry_point       = "receive"
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.receiver.email
    environment_variables            = module.environment.variables
    available_cpu                    = var.cpu
    available_memory                 = var.memory
    timeout_seconds                  = var.timeout_seconds
    max_instance_request_concurrency = var.concurrency
    min_instance_count               = var.min_instances
    max_instance_count               = var.max_instances
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true
  }

  lifecycle {
    precondition {
      condition     = var.min_instances <= var.max_instances
      error_message = "Write min_instances no larger than max_instances."
    }

    precondition {
      condition     = var.concurrency == 1 || tonumber(var.cpu) >= 1
      error_message = "Write cpu as \"1\" or more, or concurrency as 1: an instance with less than one CPU takes one request at a time."
    }
  }

  # An instance starts during the deployment, and then has to have its grants.
  depends_on = [module.access, time_sleep.build_granted]
}

# Gemini brings no Google identity; its signature is what counts. Invocation is
# a matter of the Cloud Run service behind the function.
resource "google_cloud_run_v2_service_iam_member" "public" {
  project  = var.project_id
  location = var.region
  name     = element(split("/", google_cloudfunctions2_function.receiver.service_config[0].service), -1)
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# A request log holds the whole URL, and a dynamic URL is a capability. The
# receiver writes a line of its own for every delivery, without it.
resource "google_logging_project_exclusion" "request_logs" {
  count = var.keep_request_logs ? 0 : 1

  project     = var.project_id
  name        = "${var.name}-request-logs"
  description = "Request logs of ${local.function_name}: they would hold the tokens of dynamic URLs"
  filter = join(" AND ", [
    "resource.type = \"cloud_run_revision\"",
    "resource.labels.service_name = \"${local.function_name}\"",
    "resource.labels.location = \"${var.region}\"",
    "log_id(\"run.googleapis.com/requests\")",
  ])
}
