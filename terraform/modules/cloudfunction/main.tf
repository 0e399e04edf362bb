# One of gemhook's functions on Cloud Functions (2nd generation): its source, the function, who may
# call it, and what its service must not log.

module "source" {
  source = "../source"

  function = var.function
}

data "archive_file" "source" {
  type             = "zip"
  output_path      = "${path.root}/.terraform/${var.function_name}.zip"
  output_file_mode = "0644"

  dynamic "source" {
    for_each = module.source.files

    content {
      filename = source.key
      content  = file("${module.source.root}/${source.value}")
    }
  }
}

# The name changes with the content, so that the function is built again.
resource "google_storage_bucket_object" "source" {
  bucket = var.build.bucket
  name   = "${var.object_prefix}-${data.archive_file.source.output_sha256}.zip"
  source = data.archive_file.source.output_path

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  runtime = coalesce(var.runtime, module.source.runtime)

  cpu        = tonumber(var.cpu)
  memory_mib = tonumber(regex("^[0-9]+", var.memory)) * (endswith(var.memory, "Gi") ? 1024 : 1)

  # What Cloud Run gives an instance with so many CPUs, in MiB.
  most  = local.cpu < 0.5 ? 512 : local.cpu < 1 ? 1024 : lookup({ "1" = 4096, "2" = 8192, "4" = 16384, "6" = 24576 }, var.cpu, 32768)
  least = lookup({ "4" = 2048, "6" = 4096, "8" = 4096 }, var.cpu, 128)
}

resource "google_cloudfunctions2_function" "function" {
  project      = var.project_id
  location     = var.region
  name         = var.function_name
  description  = var.description
  labels       = var.labels
  kms_key_name = var.kms_key

  build_config {
    runtime           = local.runtime
    entry_point       = var.function
    service_account   = var.build.service_account
    docker_repository = var.build.repository

    source {
      storage_source {
        bucket = var.build.bucket
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = var.service_account
    environment_variables            = var.environment
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
      condition     = var.concurrency == 1 || local.cpu >= 1
      error_message = "Write cpu as \"1\" or more, or concurrency as 1: an instance with less than one CPU takes one request at a time."
    }

    precondition {
      condition     = local.memory_mib >= local.least && local.memory_mib <= local.most
      error_message = "Write memory from ${local.least}Mi to ${local.most}Mi, which is what Cloud Run gives an instance with ${var.cpu} CPU, or another cpu."
    }

    precondition {
      condition     = tonumber(trimprefix(local.runtime, "go")) >= tonumber(trimprefix(module.source.runtime, "go"))
      error_message = "Write runtime as \"${module.source.runtime}\" or a later one: go.mod asks for that version of Go."
    }
  }
}

# Gemini brings no Google identity, and Cloud Run would take the signature out of the token that
# Pub/Sub and Cloud Scheduler bring: the function checks for itself. Who may invoke it is set at the
# Cloud Run service behind the function.
resource "google_cloud_run_v2_service_iam_member" "public" {
  count = var.public_access ? 1 : 0

  project  = var.project_id
  location = var.region
  name     = element(split("/", google_cloudfunctions2_function.function.service_config[0].service), -1)
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# A request log holds the whole URL, and whoever has a dynamic URL can use it. The receiver writes a
# line of its own for every delivery, without the URL.
resource "google_logging_project_exclusion" "request_logs" {
  count = var.keep_request_logs ? 0 : 1

  project     = var.project_id
  name        = "${var.function == "receive" ? var.name : var.function_name}-request-logs"
  description = "Request logs of ${var.function_name}: they would hold the tokens of dynamic URLs"
  filter = join(" AND ", [
    "resource.type = \"cloud_run_revision\"",
    "resource.labels.service_name = \"${var.function_name}\"",
    "resource.labels.location = \"${var.region}\"",
    "log_id(\"run.googleapis.com/requests\")",
  ])
}
