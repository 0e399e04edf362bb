mock_provider "google" {}
mock_provider "time" {}

variables {
  project_id = "my-project"
  member     = "serviceAccount:gemhook-receiver@my-project.iam.gserviceaccount.com"
  backend = {
    topic             = "gemhook-events"
    dead_letter_topic = "gemhook-dead-letters"
    database          = "gemhook"
    signing_secrets   = "gemhook-signing-secrets"
    dynamic_keys      = "gemhook-dynamic-keys"
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
}

run "everyone_is_no_receiver" {
  command = plan

  variables {
    member = "allUsers"
  }

  expect_failures = [var.member]
}
