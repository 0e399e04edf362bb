mock_provider "google" {
  mock_data "google_storage_project_service_account" {
    defaults = { member = "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com" }
  }
}

mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = { member = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com" }
  }
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  kms_key    = "projects/my-project/locations/us-central1/keyRings/r/cryptoKeys/k"
  services   = ["pubsub.googleapis.com"]
}

run "each_service_may_use_the_key" {
  command = apply

  assert {
    condition = { for key, grant in google_kms_crypto_key_iam_member.service : key => grant.member } == {
      "pubsub.googleapis.com" = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
      storage                 = "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com"
    }
    error_message = "Each service's own account may use the key, and nobody else."
  }

  assert {
    condition     = output.kms_key == var.kms_key
    error_message = "The key is handed on once it can be used."
  }
}

run "bad_key" {
  command = plan

  variables {
    kms_key = "my-key"
  }

  expect_failures = [var.kms_key]
}
