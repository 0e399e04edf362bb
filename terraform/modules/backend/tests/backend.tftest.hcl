# random is not mocked: Terraform cannot mock an ephemeral resource.
mock_provider "google" {}
mock_provider "time" {}

mock_provider "google-beta" {
  mock_resource "google_project_service_identity" {
    defaults = {
      member = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    }
  }
}

variables {
  project_id         = "my-project"
  name               = "gemhook"
  labels             = { app = "gemhook" }
  firestore_location = "us-central1"
  database           = "gemhook"
}

run "default_subscription" {
  command = apply

  assert {
    condition     = output.topic == "gemhook-events" && output.dead_letter_topic == "gemhook-dead-letters"
    error_message = "Topics are named after the instance."
  }

  assert {
    condition     = output.subscriptions == { all = "gemhook-all" } && google_pubsub_subscription.events["all"].filter == null
    error_message = "One subscription takes everything."
  }

  assert {
    condition = (
      google_pubsub_subscription.events["all"].enable_exactly_once_delivery &&
      google_pubsub_subscription.events["all"].message_retention_duration == "604800s" &&
      google_pubsub_subscription.events["all"].expiration_policy[0].ttl == "" &&
      google_pubsub_subscription.events["all"].retry_policy[0].maximum_backoff == "600s" &&
      google_pubsub_subscription.events["all"].dead_letter_policy[0].max_delivery_attempts == 20 &&
      google_pubsub_subscription.events["all"].dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.dead_letters.id
    )
    error_message = "The default subscription is exactly-once, never expires, retries with backoff and dead-letters."
  }

  assert {
    condition = (
      google_pubsub_subscription.dead_letters.message_retention_duration == "2678400s" &&
      google_pubsub_subscription.dead_letters.expiration_policy[0].ttl == "" &&
      length(google_pubsub_subscription.dead_letters.dead_letter_policy) == 0
    )
    error_message = "Dead letters are kept as long as Pub/Sub can, and not dead-lettered again."
  }

  assert {
    condition     = alltrue([for r in [google_pubsub_topic.events, google_pubsub_topic.dead_letters, google_pubsub_subscription.events["all"], google_pubsub_subscription.dead_letters, google_secret_manager_secret.secret["signing_secrets"], google_secret_manager_secret.secret["dynamic_keys"]] : r.labels["app"] == "gemhook"])
    error_message = "What can be labelled is."
  }
}

run "pubsub_may_dead_letter" {
  command = apply

  assert {
    condition = (
      google_pubsub_topic_iam_member.dead_lettering.role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.dead_lettering.topic == "gemhook-dead-letters" &&
      endswith(google_pubsub_topic_iam_member.dead_lettering.member, "@gcp-sa-pubsub.iam.gserviceaccount.com")
    )
    error_message = "Pub/Sub's service agent publishes on the dead-letter topic."
  }

  assert {
    condition = (
      google_pubsub_subscription_iam_member.dead_lettering["all"].role == "roles/pubsub.subscriber" &&
      google_pubsub_subscription_iam_member.dead_lettering["all"].subscription == "gemhook-all"
    )
    error_message = "Pub/Sub's service agent acknowledges on each subscription."
  }
}

run "ledger" {
  command = apply

  assert {
    condition = (
      google_firestore_database.ledger.delete_protection_state == "DELETE_PROTECTION_ENABLED" &&
      google_firestore_database.ledger.deletion_policy == "PREVENT" &&
      google_firestore_database.ledger.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" &&
      alltrue([for r in concat([google_pubsub_topic.events, google_pubsub_topic.dead_letters, google_pubsub_subscription.dead_letters], values(google_secret_manager_secret.secret)) : r.deletion_policy == "PREVENT"])
    )
    error_message = "Ledger, topics, dead letters and secrets are protected, and the ledger can be recovered."
  }

  assert {
    condition     = google_firestore_field.expires_at.field == "expires_at" && length(google_firestore_field.expires_at.ttl_config) == 1
    error_message = "expires_at is the TTL field."
  }

  assert {
    condition = alltrue([for f in [
      google_firestore_field.attempt,
      google_firestore_field.attributes,
      google_firestore_field.lease_expires_at,
      google_firestore_field.message_id,
      google_firestore_field.payload,
      google_firestore_field.resource_id,
      google_firestore_field.scheme,
      google_firestore_field.settled_at,
      google_firestore_field.state,
      google_firestore_field.tenant,
      google_firestore_field.topic,
      google_firestore_field.type,
      google_firestore_field.webhook_id,
      google_firestore_field.expires_at,
    ] : length(f.index_config) == 1 && length(f.index_config[0].indexes) == 0 && f.deletion_policy == "ABANDON"])
    error_message = "Fields that nothing is listed by have no index, and are left as they are on destroy."
  }

  assert {
    condition     = keys(google_firestore_index.listed_by) == ["state", "tenant", "type"] && alltrue([for i in values(google_firestore_index.listed_by) : i.fields[1].field_path == "received_at" && i.fields[1].order == "DESCENDING"])
    error_message = "The ledger is listed newest first."
  }

  assert {
    condition = (
      length(google_firestore_field.received_at.index_config) == 1 &&
      [for i in google_firestore_field.received_at.index_config[0].indexes : "${i.query_scope} ${i.order}"] == ["COLLECTION DESCENDING"]
    )
    error_message = "The whole ledger is listed newest first."
  }

  assert {
    condition     = output.listing && google_firestore_field.received_at.skip_wait && alltrue([for i in values(google_firestore_index.listed_by) : i.skip_wait])
    error_message = "The ledger can be listed, and no apply waits until its indexes are built."
  }

  assert {
    condition     = output.retention == "168h"
    error_message = "The retention is given as the receiver reads it."
  }
}

# A field without an index_config would have Firestore's default indexes.
run "without_listing_nothing_is_indexed" {
  command = apply

  variables {
    listing = false
  }

  assert {
    condition     = length(google_firestore_field.received_at.index_config) == 1 && length(google_firestore_field.received_at.index_config[0].indexes) == 0
    error_message = "received_at has no index of its own."
  }

  assert {
    condition     = length(google_firestore_index.listed_by) == 0
    error_message = "No index is left over received_at."
  }

  assert {
    condition     = google_firestore_field.received_at.field == "received_at"
    error_message = "received_at is changed in place."
  }

  assert {
    condition     = length(google_firestore_field.expires_at.ttl_config) == 1
    error_message = "expires_at is the TTL field, which needs no index."
  }

  assert {
    condition     = !output.listing
    error_message = "The output says that the ledger cannot be listed."
  }
}

run "reconcile_searches_without_an_index_on_a_field_that_grows" {
  command = apply

  variables {
    listing    = false
    reconcile  = true
    api_keys   = true
    audit_logs = true
  }

  assert {
    condition     = alltrue([for f in [google_firestore_field.state, google_firestore_field.resource_id] : [for i in f.index_config[0].indexes : "${i.query_scope} ${i.order}"] == ["COLLECTION ASCENDING"]])
    error_message = "State and resource have an index each."
  }

  assert {
    condition     = length(google_firestore_field.received_at.index_config[0].indexes) == 0 && length(google_firestore_index.listed_by) == 0
    error_message = "No field that grows has one."
  }

  assert {
    condition     = output.api_keys == "gemhook-api-keys" && keys(google_project_iam_audit_config.data_access) == ["firestore.googleapis.com", "pubsub.googleapis.com", "secretmanager.googleapis.com"]
    error_message = "There is a secret for API keys, and access to data is logged."
  }
}

run "secret_values_are_in_no_plan_and_no_state" {
  command = apply

  assert {
    condition     = google_secret_manager_secret_version.dynamic_key.secret_data == null && google_secret_manager_secret_version.dynamic_key.secret_data_wo == null
    error_message = "The dynamic key's value is written only."
  }

  # A number in the provider's version 7, a string in version 8.
  assert {
    condition     = tostring(google_secret_manager_secret_version.dynamic_key.secret_data_wo_version) == "1"
    error_message = "The key is written once, not on every apply."
  }
}

run "filters" {
  command = apply

  variables {
    subscriptions = {
      batches  = { types = ["batch.*"] }
      failures = { types = ["batch.failed", "interaction.failed"] }
      acme     = { tenants = ["acme"], types = ["video.generated", "batch.*"] }
      nightly  = { user_metadata = { job = "night\"ly", "a\\b" = "1" }, tenants = ["acme", "bravo"] }
    }
  }

  assert {
    condition     = google_pubsub_subscription.events["batches"].filter == "hasPrefix(attributes.\"ce-type\", \"batch.\")"
    error_message = google_pubsub_subscription.events["batches"].filter
  }

  assert {
    condition     = google_pubsub_subscription.events["failures"].filter == "attributes.\"ce-type\" = \"batch.failed\" OR attributes.\"ce-type\" = \"interaction.failed\""
    error_message = google_pubsub_subscription.events["failures"].filter
  }

  assert {
    condition     = google_pubsub_subscription.events["acme"].filter == "(attributes.\"ce-type\" = \"video.generated\" OR hasPrefix(attributes.\"ce-type\", \"batch.\")) AND attributes.\"ce-tenant\" = \"acme\""
    error_message = google_pubsub_subscription.events["acme"].filter
  }

  assert {
    condition     = google_pubsub_subscription.events["nightly"].filter == "(attributes.\"ce-tenant\" = \"acme\" OR attributes.\"ce-tenant\" = \"bravo\") AND attributes.\"user_metadata.a\\\\b\" = \"1\" AND attributes.\"user_metadata.job\" = \"night\\\"ly\""
    error_message = google_pubsub_subscription.events["nightly"].filter
  }

  assert {
    condition     = keys(output.subscriptions) == ["acme", "all", "batches", "failures", "nightly"]
    error_message = "The default subscription stays beside the others."
  }
}

run "push" {
  command = apply

  variables {
    subscriptions = {
      worker = {
        types = ["batch.succeeded"]
        push = {
          endpoint        = "https://worker.example.com/events"
          service_account = "worker-push@my-project.iam.gserviceaccount.com"
          unwrap          = true
        }
      }
    }
  }

  assert {
    condition = (
      !google_pubsub_subscription.events["worker"].enable_exactly_once_delivery &&
      google_pubsub_subscription.events["worker"].push_config[0].push_endpoint == "https://worker.example.com/events" &&
      google_pubsub_subscription.events["worker"].push_config[0].oidc_token[0].service_account_email == "worker-push@my-project.iam.gserviceaccount.com" &&
      google_pubsub_subscription.events["worker"].push_config[0].no_wrapper[0].write_metadata
    )
    error_message = "A push subscription brings a token and has no exactly-once delivery."
  }

  assert {
    condition     = length(google_pubsub_subscription.events["all"].push_config) == 0
    error_message = "The default subscription is pulled."
  }
}

run "exports" {
  command = apply

  variables {
    consumers            = ["group:consumers@example.com"]
    topic_retention_days = 7
    data_location        = "EU"
    message_regions      = ["europe-west1"]
    secret_locations     = ["europe-west1"]
    subscriptions = {
      warehouse = { bigquery = { expiration_days = 400 } }
      archive   = { cloud_storage = { minutes = 10 } }
    }
  }

  assert {
    condition = (
      google_pubsub_subscription.events["warehouse"].bigquery_config[0].table == "my-project.gemhook.warehouse" &&
      google_pubsub_subscription.events["warehouse"].bigquery_config[0].write_metadata &&
      google_bigquery_table.events["warehouse"].time_partitioning[0].expiration_ms == 400 * 86400000 &&
      google_bigquery_table_iam_member.pubsub["warehouse"].role == "roles/bigquery.dataEditor" &&
      output.views == { warehouse = "my-project.gemhook.warehouse_once" }
    )
    error_message = "A subscription writes into its table, which Pub/Sub may write to."
  }

  assert {
    condition     = strcontains(google_bigquery_table.once["warehouse"].view[0].query, "PARTITION BY JSON_VALUE(attributes, '$.\"ce-source\"'), JSON_VALUE(attributes, '$.\"ce-id\"')")
    error_message = "The view has each event once."
  }

  assert {
    condition = (
      google_pubsub_subscription.events["archive"].cloud_storage_config[0].max_duration == "600s" &&
      google_pubsub_subscription.events["archive"].ack_deadline_seconds == 600 &&
      google_storage_bucket.archive[0].public_access_prevention == "enforced" &&
      keys(google_storage_bucket_iam_member.archive) == ["roles/storage.legacyBucketReader", "roles/storage.objectCreator"]
    )
    error_message = "A subscription writes files into the closed bucket."
  }

  assert {
    condition     = !google_pubsub_subscription.events["archive"].enable_exactly_once_delivery && !google_pubsub_subscription.events["warehouse"].enable_exactly_once_delivery && google_pubsub_subscription.events["all"].enable_exactly_once_delivery
    error_message = "Only subscriptions that are pulled have exactly-once delivery."
  }

  assert {
    condition     = google_pubsub_topic.events.message_retention_duration == "604800s" && length(google_pubsub_subscription_iam_member.consumer) == 3
    error_message = "The topic keeps events, and consumers may pull from every subscription."
  }

  assert {
    condition     = google_pubsub_topic.events.message_storage_policy[0].allowed_persistence_regions == toset(["europe-west1"]) && one(google_secret_manager_secret.secret["dynamic_keys"].replication[0].user_managed[0].replicas).location == "europe-west1"
    error_message = "Messages and secrets are kept where they may be."
  }
}

run "the_default_subscription_can_be_replaced" {
  command = apply

  variables {
    subscriptions = { all = { ack_deadline = 600 } }
  }

  assert {
    condition     = google_pubsub_subscription.events["all"].ack_deadline_seconds == 600 && length(output.subscriptions) == 1
    error_message = "An entry \"all\" replaces the default one."
  }
}

run "protection_can_be_switched_off" {
  command = apply

  variables {
    deletion_protection = false
  }

  assert {
    condition     = google_firestore_database.ledger.delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_firestore_database.ledger.deletion_policy == "DELETE" && google_pubsub_topic.events.deletion_policy == "DELETE"
    error_message = "Without protection a destroy deletes the database and does not leave it behind."
  }
}

# Only what is made in this run gets these values.
run "another_filter_replaces_the_subscription_and_its_grants" {
  command = apply

  variables {
    deletion_protection = false
    subscriptions       = { all = { types = ["batch.*"] } }
    consumers           = ["group:consumers@example.com"]
  }

  plan_options {
    replace = [google_pubsub_subscription.events["all"]] # as the real provider does for a filter
  }

  override_resource {
    target = google_pubsub_subscription_iam_member.dead_lettering
    values = { etag = "made now" }
  }

  assert {
    condition     = output.ids == run.protection_can_be_switched_off.ids
    error_message = "Nothing that holds data is replaced."
  }

  assert {
    condition     = google_pubsub_subscription_iam_member.dead_lettering["all"].etag == "made now"
    error_message = "The grant was the former subscription's, and went with it."
  }
}

run "a_filter_that_pubsub_would_refuse" {
  command = plan

  variables {
    subscriptions = { many = { types = ["batch.succeeded", "batch.failed", "batch.expired", "batch.cancelled", "interaction.completed", "interaction.failed", "video.generated"] } }
  }

  expect_failures = [google_pubsub_subscription.events["many"]]
}

run "bad_name" {
  command = plan

  variables {
    name = "Gemhook"
  }

  expect_failures = [var.name]
}

run "bad_project" {
  command = plan

  variables {
    project_id = "123456789012"
  }

  expect_failures = [var.project_id]
}

run "bad_location" {
  command = plan

  variables {
    firestore_location = "us-central1-a"
  }

  expect_failures = [var.firestore_location]
}

run "the_default_database_is_left_alone" {
  command = plan

  variables {
    database = "(default)"
  }

  expect_failures = [var.database]
}

run "bad_collection" {
  command = plan

  variables {
    collection = "a/b"
  }

  expect_failures = [var.collection]
}

run "a_retention_shorter_than_the_retries" {
  command = plan

  variables {
    retention_hours = 24
  }

  expect_failures = [var.retention_hours]
}

run "bad_key_version" {
  command = plan

  variables {
    dynamic_key_version = 0
  }

  expect_failures = [var.dynamic_key_version]
}

run "bad_tenant" {
  command = plan

  variables {
    subscriptions = { acme = { tenants = ["Acme Inc"] } }
  }

  expect_failures = [var.subscriptions]
}

run "bad_type" {
  command = plan

  variables {
    subscriptions = { batches = { types = ["batch*"] } }
  }

  expect_failures = [var.subscriptions]
}

run "bad_push_endpoint" {
  command = plan

  variables {
    subscriptions = { worker = { push = { endpoint = "http://worker.example.com" } } }
  }

  expect_failures = [var.subscriptions]
}

run "an_audience_without_a_token" {
  command = plan

  variables {
    subscriptions = { worker = { push = { endpoint = "https://worker.example.com", audience = "worker" } } }
  }

  expect_failures = [var.subscriptions]
}

run "bad_key" {
  command = plan

  variables {
    subscriptions = { dead-letters = {} }
  }

  expect_failures = [var.subscriptions]
}

run "an_account_that_cannot_exist" {
  command = plan

  variables {
    subscriptions = { worker = { push = { endpoint = "https://worker.example.com", service_account = "push@my-project.iam.gserviceaccount.com" } } }
  }

  expect_failures = [var.subscriptions]
}

run "a_file_that_is_open_too_long" {
  command = plan

  variables {
    subscriptions = { archive = { cloud_storage = { minutes = 11 } } }
  }

  expect_failures = [var.subscriptions]
}

run "two_ways_at_once" {
  command = plan

  variables {
    subscriptions = { both = { bigquery = {}, cloud_storage = {} } }
  }

  expect_failures = [var.subscriptions]
}

run "consumers_from_everywhere" {
  command = plan

  variables {
    consumers = ["allUsers"]
  }

  expect_failures = [var.consumers]
}

run "a_key_of_one_region_with_secrets_everywhere" {
  command = plan

  variables {
    kms_key = "projects/my-project/locations/us-central1/keyRings/r/cryptoKeys/k"
  }

  expect_failures = [var.kms_key]
}
