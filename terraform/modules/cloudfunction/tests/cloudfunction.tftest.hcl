mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5f1d" }
  }
}

mock_provider "google" {
  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        service = "projects/my-project/locations/us-central1/services/gemhook-receiver"
        uri     = "https://gemhook-receiver-abc-uc.a.run.app"
      }
    }
  }
}

variables {
  project_id      = "my-project"
  name            = "gemhook"
  region          = "us-central1"
  labels          = { app = "gemhook" }
  function        = "receive"
  function_name   = "gemhook-receiver"
  description     = "Receives"
  object_prefix   = "receiver"
  service_account = "gemhook-receiver@my-project.iam.gserviceaccount.com"
  environment     = { GEMHOOK_TOPIC = "gemhook-events" }
  build = {
    bucket          = "my-project-gemhook-source"
    repository      = "projects/my-project/locations/us-central1/repositories/gemhook-receiver"
    service_account = "projects/my-project/serviceAccounts/gemhook-build@my-project.iam.gserviceaccount.com"
  }
}

run "function" {
  command = apply

  assert {
    condition = (
      google_cloudfunctions2_function.function.name == "gemhook-receiver" &&
      google_cloudfunctions2_function.function.build_config[0].runtime == "go126" &&
      google_cloudfunctions2_function.function.build_config[0].entry_point == "receive" &&
      google_cloudfunctions2_function.function.build_config[0].source[0].storage_source[0].object == "receiver-5f1d.zip"
    )
    error_message = "The function is built from the zip whose hash is in the object's name."
  }

  assert {
    condition = (
      google_cloudfunctions2_function.function.service_config[0].available_cpu == "1" &&
      google_cloudfunctions2_function.function.service_config[0].available_memory == "512Mi" &&
      google_cloudfunctions2_function.function.service_config[0].timeout_seconds == 30 &&
      google_cloudfunctions2_function.function.service_config[0].max_instance_request_concurrency == 80 &&
      google_cloudfunctions2_function.function.service_config[0].min_instance_count == 0 &&
      google_cloudfunctions2_function.function.service_config[0].max_instance_count == 20
    )
    error_message = "Unexpected defaults."
  }

  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].service_account_email == "gemhook-receiver@my-project.iam.gserviceaccount.com" && google_cloudfunctions2_function.function.build_config[0].service_account == var.build.service_account
    error_message = "No default service account is used."
  }

  assert {
    condition     = google_cloudfunctions2_function.function.labels["app"] == "gemhook"
    error_message = "What can be labelled is."
  }

  assert {
    condition     = toset([for f in data.archive_file.source.source : f.filename]) == toset(keys(module.source.files))
    error_message = "The zip holds the source module's files."
  }

  assert {
    condition = (
      google_cloud_run_v2_service_iam_member.public[0].name == "gemhook-receiver" &&
      google_cloud_run_v2_service_iam_member.public[0].role == "roles/run.invoker" &&
      google_cloud_run_v2_service_iam_member.public[0].member == "allUsers"
    )
    error_message = "Everyone may invoke the service behind the function."
  }

  assert {
    condition     = strcontains(google_logging_project_exclusion.request_logs[0].filter, "resource.labels.service_name = \"gemhook-receiver\"") && strcontains(google_logging_project_exclusion.request_logs[0].filter, "run.googleapis.com/requests")
    error_message = "Request logs, which hold whole URLs, are excluded for this service only."
  }

  assert {
    condition     = output.url == "https://gemhook-receiver-abc-uc.a.run.app" && output.service == "gemhook-receiver"
    error_message = "The URL is that of the service."
  }
}

run "memory_that_google_refuses_beside_so_many_cpus" {
  command = plan

  variables {
    cpu    = "4"
    memory = "1Gi"
  }

  expect_failures = [google_cloudfunctions2_function.function]
}

run "more_memory_than_one_cpu_may_have" {
  command = plan

  variables {
    memory = "4097Mi"
  }

  expect_failures = [google_cloudfunctions2_function.function]
}

run "a_runtime_older_than_the_code" {
  command = plan

  variables {
    runtime = "go125"
  }

  expect_failures = [google_cloudfunctions2_function.function]
}

run "bad_runtime" {
  command = plan

  variables {
    runtime = "1.26"
  }

  expect_failures = [var.runtime]
}

run "an_organization_that_forbids_public_access" {
  command = plan

  variables {
    public_access     = false
    keep_request_logs = true
    runtime           = "go127"
  }

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.public) == 0 && length(google_logging_project_exclusion.request_logs) == 0 && google_cloudfunctions2_function.function.build_config[0].runtime == "go127"
    error_message = "The grant is left out, and a later runtime is taken."
  }
}

run "more_instances_at_least_than_at_most" {
  command = plan

  variables {
    min_instances = 3
    max_instances = 2
  }

  expect_failures = [google_cloudfunctions2_function.function]
}

run "concurrency_on_a_fraction_of_a_cpu" {
  command = plan

  variables {
    cpu = "0.5"
  }

  expect_failures = [google_cloudfunctions2_function.function]
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
