mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "210987654321" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:210987654321:log-group:/aws/lambda/gemhook-receiver" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.us-east-1.on.aws/" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/my-project/serviceAccounts/gemhook-receiver@my-project.iam.gserviceaccount.com"
      email  = "gemhook-receiver@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:gemhook-receiver@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_iam_workload_identity_pool" {
    defaults = { name = "projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2" }
  }

  mock_resource "google_iam_workload_identity_pool_provider" {
    defaults = { name = "projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2/providers/aws" }
  }
}

mock_provider "time" {
  mock_resource "time_static" {
    defaults = { unix = 1742774706 }
  }
}

variables {
  project_id         = "my-project"
  name               = "gemhook"
  labels             = { app = "gemhook" }
  package            = "main.tf" # stands for the zip, which a test has no need of
  errors_description = "It crashes."

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

run "receiver" {
  command = apply

  assert {
    condition     = google_iam_workload_identity_pool.aws.workload_identity_pool_id == "gemhook-67e0a1b2"
    error_message = "The pool's id holds the moment of its creation, so that it is never taken."
  }

  assert {
    condition = toset(keys(output.environment)) == toset([
      "GOOGLE_CLOUD_PROJECT", "GEMHOOK_TOPIC", "GEMHOOK_DEAD_LETTER_TOPIC", "GEMHOOK_DATABASE", "GEMHOOK_COLLECTION",
      "GEMHOOK_SIGNING_SECRETS", "GEMHOOK_DYNAMIC_KEYS", "GEMHOOK_TOLERANCE", "GEMHOOK_LEASE", "GEMHOOK_RETENTION",
      "GEMHOOK_MAX_BODY", "LOG_LEVEL", "GEMHOOK_GOOGLE_CREDENTIALS",
    ])
    error_message = "The function's environment is the contract's and nothing else."
  }

  assert {
    condition     = output.url == "https://abc.lambda-url.us-east-1.on.aws" && output.function_name == "gemhook-receiver" && output.service_account == "gemhook-receiver@my-project.iam.gserviceaccount.com"
    error_message = "Unexpected outputs."
  }
}

run "bad_name" {
  command = plan

  variables {
    name = "gcp-hooks"
  }

  expect_failures = [var.name]
}

run "a_timeout_that_cuts_off_deliveries" {
  command = plan

  variables {
    timeout_seconds = 9
  }

  expect_failures = [var.timeout_seconds]
}
