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
  project_id = "my-project"
  package    = "main.tf" # stands for the zip, which a test has no need of

  notification_emails = ["on-call@example.com"]
  subscriptions       = { batches = { types = ["batch.*"] } }
}

run "before" {
  command   = apply
  state_key = "instance"

  module {
    source = "./tests/plans/before"
  }
}

# What it changes is looked at from outside: see TestUpgradeReplacesNothing.
run "after" {
  command   = plan
  state_key = "instance"
}
