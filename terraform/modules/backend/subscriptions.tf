locals {
  # The default subscription takes everything; an entry of the same key replaces it.
  subscriptions = merge(
    { all = { types = [], tenants = [], user_metadata = {}, ack_deadline = 60, retention_days = 7, max_delivery_attempts = 20, push = null, bigquery = null, cloud_storage = null } },
    var.subscriptions,
  )

  # Each of the three narrows the subscription: one of the types, and one of the tenants, and every
  # one of the metadata. Keys other than letters, digits and underscores are quoted; AND and OR need
  # their parentheses.
  conditions = {
    for key, s in local.subscriptions : key => concat(
      length(s.types) == 0 ? [] : [[
        for type in s.types : endswith(type, ".*")
        ? "hasPrefix(attributes.\"ce-type\", \"${trimsuffix(type, "*")}\")"
        : "attributes.\"ce-type\" = \"${type}\""
      ]],
      length(s.tenants) == 0 ? [] : [[for tenant in s.tenants : "attributes.\"ce-tenant\" = \"${tenant}\""]],
      [
        for member, value in s.user_metadata : [format("attributes.%s = %s",
          "\"user_metadata.${replace(replace(member, "\\", "\\\\"), "\"", "\\\"")}\"",
          "\"${replace(replace(value, "\\", "\\\\"), "\"", "\\\"")}\"",
        )]
      ],
    )
  }

  filters = {
    for key, all in local.conditions : key => join(" AND ", [
      for any in all : length(any) == 1 || length(all) == 1 ? join(" OR ", any) : "(${join(" OR ", any)})"
    ])
  }
}

# Not protected from deletion, since another filter replaces one.
resource "google_pubsub_subscription" "events" {
  for_each = local.subscriptions

  project = var.project_id
  name    = "${var.name}-${each.key}"
  topic   = google_pubsub_topic.events.id
  labels  = var.labels

  filter = local.filters[each.key] == "" ? null : local.filters[each.key]
  # A file is acknowledged as a whole: its messages are leased for as long as it is filled.
  ack_deadline_seconds         = max(each.value.ack_deadline, try(each.value.cloud_storage.minutes * 60, 0))
  enable_exactly_once_delivery = each.value.push == null && each.value.bigquery == null && each.value.cloud_storage == null # Pub/Sub has it for pull only
  message_retention_duration   = "${each.value.retention_days * 86400}s"

  expiration_policy {
    ttl = "" # never
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = each.value.max_delivery_attempts
  }

  dynamic "push_config" {
    for_each = each.value.push[*]

    content {
      push_endpoint = push_config.value.endpoint

      dynamic "oidc_token" {
        for_each = push_config.value.service_account[*]

        content {
          service_account_email = oidc_token.value
          audience              = push_config.value.audience
        }
      }

      dynamic "no_wrapper" {
        for_each = push_config.value.unwrap ? [true] : []

        content {
          write_metadata = true
        }
      }
    }
  }

  dynamic "bigquery_config" {
    for_each = each.value.bigquery[*]

    content {
      table          = "${var.project_id}.${google_bigquery_table.events[each.key].dataset_id}.${google_bigquery_table.events[each.key].table_id}"
      write_metadata = true
    }
  }

  dynamic "cloud_storage_config" {
    for_each = each.value.cloud_storage[*]

    content {
      bucket          = google_storage_bucket.archive[0].name
      filename_prefix = "${each.key}/"
      filename_suffix = ".avro"
      max_duration    = "${cloud_storage_config.value.minutes * 60}s"

      avro_config {
        write_metadata = true
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.filters[each.key]) <= 256
      error_message = "The filter of subscription \"${each.key}\" is longer than Pub/Sub's 256 bytes: name fewer types or tenants, use a prefix such as \"batch.*\", or divide it into two subscriptions."
    }
  }

  # While the service agent may not publish, Pub/Sub makes no dead letters, and reports no error.
  depends_on = [google_pubsub_topic_iam_member.dead_lettering, time_sleep.exports_granted]
}
