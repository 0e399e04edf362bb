# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "210987654321" }
  }
}

mock_provider "google" {}
mock_provider "google-beta" {}
mock_provider "time" {}

run "plan" {
  command = plan

  variables {
    package = "main.tf" # stands for the zip
  }

  assert {
    condition     = module.gemhook.function_name == "gemhook-receiver" && module.gemhook.topic == "gemhook-events"
    error_message = "Unexpected names."
  }
}
