# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "time" {}

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "210987654321" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.us-east-1.on.aws/" }
  }
}

mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = { member = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "gemhook-receiver@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:gemhook-receiver@my-project.iam.gserviceaccount.com"
    }
  }
}

variables {
  project_id          = "my-project"
  deletion_protection = false     # or the tests could not clean up
  package             = "main.tf" # stands for the zip, which a test has no need of
}

run "one_variable_and_the_package_are_enough" {
  command = apply

  assert {
    condition     = output.static_url == "https://abc.lambda-url.us-east-1.on.aws/" && output.topic == "gemhook-events" && output.function_name == "gemhook-receiver" && output.log_group == "/aws/lambda/gemhook-receiver"
    error_message = "Unexpected outputs."
  }

  assert {
    condition = { for name, value in module.lambda.environment : name => value if name != "GEMHOOK_GOOGLE_CREDENTIALS" } == {
      GOOGLE_CLOUD_PROJECT      = "my-project"
      GEMHOOK_TOPIC             = output.topic
      GEMHOOK_DEAD_LETTER_TOPIC = output.dead_letter_topic
      GEMHOOK_DATABASE          = output.database
      GEMHOOK_COLLECTION        = output.collection
      GEMHOOK_RETENTION         = "168h"
      GEMHOOK_SIGNING_SECRETS   = "projects/my-project/secrets/${output.signing_secrets}"
      GEMHOOK_DYNAMIC_KEYS      = "projects/my-project/secrets/${output.dynamic_keys}"
      GEMHOOK_TOLERANCE         = "5m"
      GEMHOOK_LEASE             = "60s"
      GEMHOOK_MAX_BODY          = "262144"
      LOG_LEVEL                 = "info"
    }
    error_message = "The function's environment names what was made: ${jsonencode(module.lambda.environment)}"
  }

  assert {
    condition     = jsondecode(module.lambda.environment["GEMHOOK_GOOGLE_CREDENTIALS"]).type == "external_account"
    error_message = "The function reaches Google Cloud by federation."
  }

  assert {
    condition     = module.backend.listing
    error_message = "The ledger can be listed unless it is said otherwise."
  }

  assert {
    condition     = module.observability.alert_policies == tolist(["gemhook (gemhook): dead letters", "gemhook (gemhook): subscription backlog"])
    error_message = "On Google Cloud only Pub/Sub is watched; the receiver's lines are in CloudWatch."
  }
}

run "tenants" {
  command = apply

  variables {
    tenants = ["acme"]
  }

  assert {
    condition     = output.dynamic_urls == { acme = "gemhook tenants url acme" }
    error_message = "Each tenant has the command that prints its URL."
  }
}

run "another_name_by_mistake" {
  command = plan

  variables {
    name = "staging"
  }

  expect_failures = [terraform_data.identity]
}

run "another_location_of_the_ledger" {
  command = plan

  variables {
    firestore_location = "eur3"
  }

  expect_failures = [terraform_data.identity]
}

run "results_are_collected_and_nothing_is_missed" {
  command = apply

  variables {
    collect   = {}
    reconcile = { every_minutes = 15 }
    packages  = { collect = "main.tf", reconcile = "main.tf" }
  }

  assert {
    condition     = output.results == { bucket = "my-project-gemhook-results", topic = "gemhook-results", subscription = "gemhook-results" }
    error_message = "There is a bucket and a topic for results."
  }

  assert {
    condition     = module.reconcile_function[0].url == null && jsondecode(aws_iam_role_policy.schedule[0].policy).Statement[0].Resource == module.reconcile_function[0].arn
    error_message = "reconcile has no URL; the schedule alone may invoke it."
  }

  assert {
    condition     = aws_scheduler_schedule.reconcile[0].schedule_expression == "rate(15 minutes)"
    error_message = "A setting is lost on the way."
  }

  assert {
    condition     = jsondecode(module.collect[0].environment["GEMHOOK_GOOGLE_CREDENTIALS"]).type == "external_account" && module.collect[0].environment["GEMHOOK_PUSH_AUDIENCE"] == "//gemhook/my-project/gemhook/collect"
    error_message = "collect is known to Google Cloud by federation, and checks Pub/Sub's token."
  }
}

run "bad_region" {
  command = plan

  variables {
    aws_region = "us-central1"
  }

  expect_failures = [var.aws_region]
}

run "bad_labels" {
  command = plan

  variables {
    labels = { Team = "Hooks" }
  }

  expect_failures = [var.labels]
}
