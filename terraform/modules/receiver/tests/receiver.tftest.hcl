mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5f1d" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      id     = "projects/my-project/serviceAccounts/account@my-project.iam.gserviceaccount.com"
      email  = "account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_storage_bucket" {
    defaults = { project_number = 123456789012 }
  }

  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        service = "projects/my-project/locations/us-central1/services/gemhook-receiver"
        uri     = "https://gemhook-receiver-abc-uc.a.run.app"
      }
    }
  }
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  name       = "gemhook"
  region     = "us-central1"
  labels     = { app = "gemhook" }
  backend = {
    topic             = "gemhook-events"
    dead_letter_topic = "gemhook-dead-letters"
    database          = "gemhook"
    collection        = "deliveries"
    retention         = "168h"
    signing_secrets   = "gemhook-signing-secrets"
    dynamic_keys      = "gemhook-dynamic-keys"
  }
}

run "function" {
  command = apply

  assert {
    condition = (
      google_cloudfunctions2_function.receiver.name == "gemhook-receiver" &&
      google_cloudfunctions2_function.receiver.build_config[0].runtime == "go126" &&
      google_cloudfunctions2_function.receiver.build_config[0].entry_point == "receive" &&
      google_cloudfunctions2_function.receiver.build_config[0].source[0].storage_source[0].object == "receiver-5f1d.zip"
    )
    error_message = "The function is built from the zip whose hash is in the object's name."
  }

  assert {
    condition = (
      google_cloudfunctions2_function.receiver.service_config[0].available_cpu == "1" &&
      google_cloudfunctions2_function.receiver.service_config[0].available_memory == "512Mi" &&
      google_cloudfunctions2_function.receiver.service_config[0].timeout_seconds == 30 &&
      google_cloudfunctions2_function.receiver.service_config[0].max_instance_request_concurrency == 80 &&
      google_cloudfunctions2_function.receiver.service_config[0].min_instance_count == 0 &&
      google_cloudfunctions2_function.receiver.service_config[0].max_instance_count == 20
    )
    error_message = "Unexpected defaults."
  }

  assert {
    condition = toset(keys(google_cloudfunctions2_function.receiver.service_config[0].environment_variables)) == toset([
      "GOOGLE_CLOUD_PROJECT", "GEMHOOK_TOPIC", "GEMHOOK_DEAD_LETTER_TOPIC", "GEMHOOK_DATABASE", "GEMHOOK_COLLECTION",
      "GEMHOOK_SIGNING_SECRETS", "GEMHOOK_DYNAMIC_KEYS", "GEMHOOK_TOLERANCE", "GEMHOOK_LEASE", "GEMHOOK_RETENTION",
      "GEMHOOK_MAX_BODY", "LOG_LEVEL",
    ])
    error_message = "The function's environment is the contract's and nothing else."
  }

  assert {
    condition     = alltrue([for r in [google_cloudfunctions2_function.receiver, google_storage_bucket.source, google_artifact_registry_repository.images] : r.labels["app"] == "gemhook"])
    error_message = "What can be labelled is."
  }

  assert {
    condition     = toset([for f in data.archive_file.source.source : f.filename]) == toset(keys(module.source.files))
    error_message = "The zip holds the source module's files."
  }
}

run "identities" {
  command = apply

  assert {
    condition     = google_service_account.receiver.account_id == "gemhook-receiver" && google_service_account.build.account_id == "gemhook-build"
    error_message = "The receiver runs and is built as accounts of its own."
  }

  assert {
    condition = (
      google_cloudfunctions2_function.receiver.build_config[0].service_account == google_service_account.build.id &&
      google_cloudfunctions2_function.receiver.service_config[0].service_account_email == google_service_account.receiver.email
    )
    error_message = "No default service account is used."
  }

  assert {
    condition = (
      google_cloud_run_v2_service_iam_member.public.name == "gemhook-receiver" &&
      google_cloud_run_v2_service_iam_member.public.role == "roles/run.invoker" &&
      google_cloud_run_v2_service_iam_member.public.member == "allUsers"
    )
    error_message = "Everyone may invoke the service behind the function."
  }

  assert {
    condition = (
      google_project_iam_member.build_staging.role == "roles/storage.objectViewer" &&
      google_project_iam_member.build_staging.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-123456789012-us-central1\")"
    )
    error_message = "The build reads only the bucket that the source is staged in."
  }
}

run "tokens_stay_out_of_the_logs" {
  command = apply

  assert {
    condition     = strcontains(google_logging_project_exclusion.request_logs[0].filter, "resource.labels.service_name = \"gemhook-receiver\"") && strcontains(google_logging_project_exclusion.request_logs[0].filter, "run.googleapis.com/requests")
    error_message = "Request logs, which hold whole URLs, are excluded for this service only."
  }
}

run "outputs" {
  command = apply

  assert {
    condition     = output.url == "https://gemhook-receiver-abc-uc.a.run.app" && output.service == "gemhook-receiver"
    error_message = "The URL is that of the service."
  }
}

run "settings_reach_the_function" {
  command = apply

  variables {
    settings          = { jwt_audience = "my-audience", lease = "90s" }
    min_instances     = 1
    keep_request_logs = true
    ingress           = "ALLOW_INTERNAL_AND_GCLB"
  }

  assert {
    condition = (
      google_cloudfunctions2_function.receiver.service_config[0].environment_variables["GEMHOOK_JWT_AUDIENCE"] == "my-audience" &&
      google_cloudfunctions2_function.receiver.service_config[0].environment_variables["GEMHOOK_LEASE"] == "90s" &&
      google_cloudfunctions2_function.receiver.service_config[0].environment_variables["GEMHOOK_TOLERANCE"] == "5m" &&
      google_cloudfunctions2_function.receiver.service_config[0].min_instance_count == 1 &&
      google_cloudfunctions2_function.receiver.service_config[0].ingress_settings == "ALLOW_INTERNAL_AND_GCLB" &&
      length(google_logging_project_exclusion.request_logs) == 0
    )
    error_message = "A setting is lost on the way."
  }
}

run "more_instances_at_least_than_at_most" {
  command = plan

  variables {
    min_instances = 3
    max_instances = 2
  }

  expect_failures = [google_cloudfunctions2_function.receiver]
}

run "concurrency_on_a_fraction_of_a_cpu" {
  command = plan

  variables {
    cpu = "0.5"
  }

  expect_failures = [google_cloudfunctions2_function.receiver]
}

run "bad_region" {
  command = plan

  variables {
    region = "us-central1-a"
  }

  expect_failures = [var.region]
}

run "bad_name" {
  command = plan

  variables {
    name = "a-name-of-twenty-char"
  }

  expect_failures = [var.name]
}

run "bad_memory" {
  command = plan

  variables {
    memory = "512MB"
  }

  expect_failures = [var.memory]
}

run "bad_cpu" {
  command = plan

  variables {
    cpu = "3"
  }

  expect_failures = [var.cpu]
}

run "a_timeout_that_cuts_off_deliveries" {
  command = plan

  variables {
    timeout_seconds = 9
  }

  expect_failures = [var.timeout_seconds]
}

run "bad_concurrency" {
  command = plan

  variables {
    concurrency = 0
  }

  expect_failures = [var.concurrency]
}

run "an_ingress_that_gemini_cannot_reach" {
  command = plan

  variables {
    ingress = "ALLOW_INTERNAL_ONLY"
  }

  expect_failures = [var.ingress]
}
