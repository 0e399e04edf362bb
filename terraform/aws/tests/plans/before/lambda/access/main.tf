resource "google_project_iam_member" "ledger" {
  member  = "x"
  project = "x"
  role    = "x"
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = toset(["dead_letters", "events"])

  member = "x"
  role   = "x"
  topic  = "x"
}

resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = toset(["dynamic_keys", "signing_secrets"])

  member    = "x"
  role      = "x"
  secret_id = "x"
}

resource "time_sleep" "account" {
}

resource "time_sleep" "granted" {
}
