# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5f1d" }
  }
}

mock_provider "google" {}
mock_provider "google-beta" {}
mock_provider "time" {}

run "plan" {
  command = plan

  assert {
    condition     = { for key, gemhook in module.gemhook : key => gemhook.project_id } == { staging = "my-staging-project", production = "my-production-project" }
    error_message = "Each instance is in its own project."
  }
}
