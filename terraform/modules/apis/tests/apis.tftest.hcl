mock_provider "google" {}
mock_provider "time" {}

variables {
  project_id = "my-project"
  services   = ["cloudresourcemanager.googleapis.com", "pubsub.googleapis.com"]
}

run "apis_are_enabled_and_outlive_a_destroy" {
  command = apply

  assert {
    condition     = keys(google_project_service.api) == ["pubsub.googleapis.com"]
    error_message = "The Resource Manager API is enabled first and once, the others after it."
  }

  assert {
    condition     = alltrue([for s in concat(values(google_project_service.api), [google_project_service.resource_manager]) : !s.disable_on_destroy])
    error_message = "An API that others in the project use must not be disabled on destroy."
  }

  assert {
    condition     = output.project_id == "my-project" && time_sleep.enabled.create_duration == "60s"
    error_message = "The project is handed on only once its APIs answer."
  }
}

run "a_display_name_is_no_project_id" {
  command = plan

  variables {
    project_id = "My Project"
  }

  expect_failures = [var.project_id]
}

run "an_api_needs_its_full_name" {
  command = plan

  variables {
    services = ["pubsub"]
  }

  expect_failures = [var.services]
}
