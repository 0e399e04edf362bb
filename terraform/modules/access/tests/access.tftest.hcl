mock_provider "google" {}
mock_provider "time" {}

variables {
  project_id = "my-project"
  member     = "serviceAccount:gemhook-receiver@my-project.iam.gserviceaccount.com"
  database   = "gemhook"

  publishes_on = {
    events       = "gemhook-events"
    dead_letters = "gemhook-dead-letters"
  }

  reads = {
    signing_secrets = "gemhook-signing-secrets"
    dynamic_keys    = "gemhook-dynamic-keys"
  }
}

run "each_grant_is_on_the_one_resource" {
  command = apply

  assert {
    condition = { for g in values(google_pubsub_topic_iam_member.publisher) : g.topic => "${g.role} ${g.member}" } == {
      gemhook-events       = "roles/pubsub.publisher ${var.member}"
      gemhook-dead-letters = "roles/pubsub.publisher ${var.member}"
    }
    error_message = "The receiver publishes on its two topics."
  }

  assert {
    condition = { for g in values(google_secret_manager_secret_iam_member.accessor) : g.secret_id => "${g.role} ${g.member}" } == {
      gemhook-signing-secrets = "roles/secretmanager.secretAccessor ${var.member}"
      gemhook-dynamic-keys    = "roles/secretmanager.secretAccessor ${var.member}"
    }
    error_message = "The receiver reads its two secrets."
  }

  assert {
    condition = (
      google_project_iam_member.ledger.role == "roles/datastore.user" &&
      google_project_iam_member.ledger.condition[0].expression == "resource.name == \"projects/my-project/databases/gemhook\""
    )
    error_message = "Firestore access is limited to the ledger's database."
  }

  assert {
    condition     = length(google_storage_bucket_iam_member.objects) == 0
    error_message = "No bucket is needed to receive."
  }
}

run "objects_are_made_and_never_overwritten" {
  command = apply

  variables {
    stores_in = "my-results"
  }

  assert {
    condition     = toset([for g in values(google_storage_bucket_iam_member.objects) : "${g.bucket} ${g.role}"]) == toset(["my-results roles/storage.objectCreator", "my-results roles/storage.objectViewer"])
    error_message = "Objects can be made and read; to overwrite or delete one takes another role."
  }
}

run "everyone_is_no_receiver" {
  command = plan

  variables {
    member = "allUsers"
  }

  expect_failures = [var.member]
}
