# Pub/Sub itself moves a message to the dead-letter topic: its service agent, which a new project
# does not have yet, publishes there and acknowledges here.
resource "google_project_service_identity" "pubsub" {
  provider = google-beta

  project = var.project_id
  service = "pubsub.googleapis.com"
}

# It takes a while until a new service agent is known everywhere.
resource "time_sleep" "pubsub" {
  create_duration = "15s"
  triggers        = { member = google_project_service_identity.pubsub.member }
}

resource "google_pubsub_topic_iam_member" "dead_lettering" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = time_sleep.pubsub.triggers["member"]
}

resource "google_pubsub_subscription_iam_member" "dead_lettering" {
  for_each = local.subscriptions

  project      = var.project_id
  subscription = google_pubsub_subscription.events[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = time_sleep.pubsub.triggers["member"]

  # A grant is the subscription's, not its name's: a replaced one has none.
  lifecycle {
    replace_triggered_by = [google_pubsub_subscription.events[each.key].id]
  }
}

resource "google_pubsub_subscription_iam_member" "consumer" {
  for_each = {
    for pair in setproduct(keys(local.subscriptions), var.consumers) : "${pair[0]} ${pair[1]}" => { key = pair[0], member = pair[1] }
  }

  # The name is taken from the id, since only the id is unknown while the subscription is replaced:
  # so the grant is made again.
  project      = var.project_id
  subscription = element(split("/", google_pubsub_subscription.events[each.value.key].id), -1)
  role         = "roles/pubsub.subscriber"
  member       = each.value.member
}
