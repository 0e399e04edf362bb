mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/my-project/serviceAccounts/account@my-project.iam.gserviceaccount.com"
      email  = "account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
    }
  }
}

mock_provider "time" {}

variables {
  project_id   = "my-project"
  name         = "gemhook"
  labels       = { app = "gemhook" }
  location     = "us-central1"
  pubsub_agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
  url          = "https://collect.example.com"
  backend = {
    topic             = "gemhook-events"
    dead_letter_topic = "gemhook-dead-letters"
    database          = "gemhook"
    collection        = "deliveries"
    retention         = "168h"
    api_keys          = "gemhook-api-keys"
  }
}

run "defaults" {
  command = apply

  assert {
    condition = (
      google_storage_bucket.results.name == "my-project-gemhook-results" &&
      google_storage_bucket.results.uniform_bucket_level_access && google_storage_bucket.results.public_access_prevention == "enforced" &&
      !google_storage_bucket.results.force_destroy && google_storage_bucket.results.deletion_policy == "PREVENT" &&
      length(google_storage_bucket.results.lifecycle_rule) == 0
    )
    error_message = "The bucket is closed, and keeps its objects."
  }

  assert {
    condition = output.environment == tomap({
      GOOGLE_CLOUD_PROJECT   = "my-project"
      GEMHOOK_DATABASE       = "gemhook"
      GEMHOOK_COLLECTION     = "deliveries"
      GEMHOOK_RETENTION      = "168h"
      GEMHOOK_LEASE          = "60s"
      LOG_LEVEL              = "info"
      GEMHOOK_API_KEYS       = "projects/my-project/secrets/gemhook-api-keys"
      GEMHOOK_RESULTS_BUCKET = output.bucket
      GEMHOOK_RESULTS_TOPIC  = output.topic
      GEMHOOK_PUSH_AUDIENCE  = "//gemhook/my-project/gemhook/collect"
      GEMHOOK_PUSH_ACCOUNT   = "account@my-project.iam.gserviceaccount.com"
    })
    error_message = "The function's environment is the contract's and nothing else: ${jsonencode(output.environment)}"
  }

  assert {
    condition = (
      google_pubsub_subscription.collect.ack_deadline_seconds == 600 &&
      google_pubsub_subscription.collect.dead_letter_policy[0].max_delivery_attempts == 100 &&
      google_pubsub_subscription.collect.push_config[0].push_endpoint == "https://collect.example.com/" &&
      google_pubsub_subscription.collect.push_config[0].oidc_token[0].audience == output.environment["GEMHOOK_PUSH_AUDIENCE"] &&
      google_pubsub_subscription.collect.push_config[0].oidc_token[0].service_account_email == output.environment["GEMHOOK_PUSH_ACCOUNT"]
    )
    error_message = "Pub/Sub pushes each event with the token that the function wants, for as long as the function may take."
  }

  assert {
    condition     = google_service_account_iam_member.token.role == "roles/iam.serviceAccountTokenCreator" && google_service_account_iam_member.token.member == var.pubsub_agent
    error_message = "Pub/Sub may make tokens of the push account, and of no other."
  }
}

run "old_results_go" {
  command = plan

  variables {
    expiration_days     = 30
    force_destroy       = true
    deletion_protection = false
  }

  assert {
    condition     = one(google_storage_bucket.results.lifecycle_rule[0].condition).age == 30 && google_storage_bucket.results.force_destroy && google_storage_bucket.results.deletion_policy == "DELETE"
    error_message = "A setting is lost on the way."
  }
}

run "bad_expiration" {
  command = plan

  variables {
    expiration_days = 0
  }

  expect_failures = [var.expiration_days]
}
