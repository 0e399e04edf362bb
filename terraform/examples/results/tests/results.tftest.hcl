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
    condition     = module.gemhook.results.bucket == "my-project-gemhook-results"
    error_message = "There is a bucket for results."
  }
}
