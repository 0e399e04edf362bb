# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "archive" {}
mock_provider "time" {}

mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = { member = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_storage_bucket" {
    defaults = { project_number = 123456789012 }
  }

  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = {
        service = "projects/my-project/locations/us-central1/services/gemhook-receiver"
        uri     = "https://gemhook-receiver-abc-uc.a.run.app"
      }
    }
  }

  mock_resource "google_compute_global_address" {
    defaults = { address = "203.0.113.7" }
  }
}

variables {
  project_id          = "my-project"
  deletion_protection = false # or the tests could not clean up
}

run "one_variable_is_enough" {
  state_key = "default"
  command   = apply

  assert {
    condition = {
      project_id               = output.project_id
      static_url               = output.static_url
      topic                    = output.topic
      dead_letter_topic        = output.dead_letter_topic
      subscriptions            = output.subscriptions["all"]
      dead_letter_subscription = output.dead_letter_subscription
      signing_secrets          = output.signing_secrets
      dynamic_keys             = output.dynamic_keys
      database                 = output.database
      collection               = output.collection
      service                  = output.service
      } == {
      project_id               = "my-project"
      static_url               = "https://gemhook-receiver-abc-uc.a.run.app/"
      topic                    = "gemhook-events"
      dead_letter_topic        = "gemhook-dead-letters"
      subscriptions            = "gemhook-all"
      dead_letter_subscription = "gemhook-dead-letters"
      signing_secrets          = "gemhook-signing-secrets"
      dynamic_keys             = "gemhook-dynamic-keys"
      database                 = "gemhook"
      collection               = "deliveries"
      service                  = "gemhook-receiver"
    }
    error_message = "Unexpected outputs."
  }

  assert {
    condition     = module.backend.listing
    error_message = "The ledger can be listed unless it is said otherwise."
  }

  assert {
    condition     = length(module.edge) == 0 && output.dns_record == null
    error_message = "The load balancer is off by default."
  }

  assert {
    condition = module.receiver.environment == tomap({
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
    })
    error_message = "The function's environment names what was made: ${jsonencode(module.receiver.environment)}"
  }
}

run "tenants_subscriptions_and_another_instance" {
  command = apply

  variables {
    name    = "staging"
    tenants = ["acme"]
    subscriptions = {
      batches = { types = ["batch.*"] }
      worker  = { push = { endpoint = "https://worker.example.com" } }
    }
  }

  assert {
    condition     = output.topic == "staging-events" && output.database == "staging" && output.subscriptions == { all = "staging-all", batches = "staging-batches", worker = "staging-worker" }
    error_message = "Everything is named after the instance."
  }

  assert {
    condition     = output.dynamic_urls == { acme = "gemhook tenants url acme" }
    error_message = "Each tenant has the command that prints its URL."
  }

  assert {
    condition     = strcontains(output.next_steps, "gemhook webhooks create --name staging") && strcontains(output.next_steps, output.static_url)
    error_message = "next_steps names this instance."
  }
}

run "domain" {
  command = plan

  variables {
    name   = "staging"
    domain = { name = "hooks.example.com" }
  }

  assert {
    condition     = output.static_url == "https://hooks.example.com/"
    error_message = "With a domain the webhook is registered there."
  }
}

run "another_name_by_mistake" {
  command = plan

  variables {
    name = "gemhook"
  }

  expect_failures = [terraform_data.identity]
}

run "another_location_of_the_ledger" {
  command = plan

  variables {
    name               = "staging"
    firestore_location = "eur3"
  }

  expect_failures = [terraform_data.identity]
}

run "protected_in_an_organization_that_forbids_public_access" {
  command = plan

  variables {
    name                = "staging"
    function            = { public_access = false }
    deletion_protection = true
  }

  assert {
    condition     = terraform_data.protection.input == "exit 1"
    error_message = "While it is protected, the first thing to be destroyed refuses."
  }

  assert {
    condition     = strcontains(output.next_steps, "gcloud run services update staging-receiver --region=us-central1 --project=my-project --no-invoker-iam-check")
    error_message = "next_steps says how to open the receiver."
  }
}

run "results_are_collected_and_nothing_is_missed" {
  command = apply

  variables {
    name      = "staging"
    collect   = { expiration_days = 30 }
    reconcile = { every_minutes = 15, canary = true }
  }

  assert {
    condition     = output.results == { bucket = "my-project-staging-results", topic = "staging-results", subscription = "staging-results" } && output.api_keys == "staging-api-keys"
    error_message = "There is a bucket, a topic and a secret for API keys."
  }

  assert {
    condition     = module.collect_function[0].environment == module.collect[0].environment && module.collect_function[0].service == "staging-collect"
    error_message = "The function has what it needs."
  }

  assert {
    condition = (
      google_cloud_scheduler_job.reconcile[0].schedule == "*/15 * * * *" &&
      google_cloud_scheduler_job.reconcile[0].http_target[0].oidc_token[0].audience == module.reconcile_function[0].environment["GEMHOOK_PUSH_AUDIENCE"] &&
      module.reconcile_function[0].environment["GEMHOOK_CANARY"] == "true"
    )
    error_message = "The schedule brings the token that the function wants."
  }

  assert {
    condition     = alltrue([for title in ["result unavailable", "collect failing", "reconcile failed", "reconcile does not run"] : contains(module.observability.alert_policies, "gemhook (staging): ${title}")])
    error_message = "Its failures raise alerts."
  }

  assert {
    condition     = strcontains(output.next_steps, "gcloud secrets versions add staging-api-keys --project=my-project --data-file=-")
    error_message = "next_steps says how to store the API key."
  }

  assert {
    condition     = output.ids.topic == run.tenants_subscriptions_and_another_instance.ids.topic
    error_message = "What was there stays."
  }
}

run "a_key_of_your_own" {
  command = plan

  variables {
    name    = "staging"
    storage = { kms_key = "projects/keys/locations/us-central1/keyRings/r/cryptoKeys/k", audit_logs = true, message_regions = ["us-central1"] }
  }

  assert {
    condition     = module.encryption[0].kms_key == var.storage.kms_key && local.secret_locations == tolist(["us-central1"])
    error_message = "Everything is encrypted with the key, and secrets are kept where it lies."
  }
}

run "a_key_of_another_region" {
  command = plan

  variables {
    name    = "staging"
    storage = { kms_key = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k" }
  }

  expect_failures = [terraform_data.identity]
}

run "bad_labels" {
  command = plan

  variables {
    name   = "staging"
    labels = { Team = "Hooks" }
  }

  expect_failures = [var.labels]
}
