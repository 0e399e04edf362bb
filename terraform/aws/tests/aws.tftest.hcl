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

run "one_variable_is_enough" {
  command = apply

  variables {
    tenants = ["acme"]
  }

  assert {
    condition     = output.topic == "gemhook-events" && output.static_url != "" && output.project_id == "my-project"
    error_message = "The module's outputs are the root's, where the command line reads them."
  }

  assert {
    condition     = output.dynamic_urls == { acme = "scripts/gemhook tenants url acme --terraform-dir terraform/aws" }
    error_message = "The commands are those of a checkout."
  }
}
