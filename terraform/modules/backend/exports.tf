# Subscriptions that write by themselves: into a BigQuery table, or into files of a bucket. Each
# table has a view beside it that shows an event once.

locals {
  exporting = length([for s in values(local.subscriptions) : s if s.bigquery != null || s.cloud_storage != null]) > 0
  tables    = { for key, s in local.subscriptions : key => s.bigquery if s.bigquery != null }
  archived  = length([for s in values(local.subscriptions) : s if s.cloud_storage != null]) > 0
  dataset   = replace(var.name, "-", "_")
}

resource "google_bigquery_dataset" "events" {
  count = length(local.tables) > 0 ? 1 : 0

  project                    = var.project_id
  dataset_id                 = local.dataset
  location                   = coalesce(var.data_location, "US")
  description                = "Events of gemhook (${var.name})"
  labels                     = var.labels
  delete_contents_on_destroy = !var.deletion_protection

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key[*]

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

resource "google_bigquery_table" "events" {
  for_each = local.tables

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.events[0].dataset_id
  table_id            = replace(each.key, "-", "_")
  description         = "Messages of the subscription ${var.name}-${each.key}, a redelivered one more than once"
  labels              = var.labels
  deletion_protection = var.deletion_protection

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = each.value.expiration_days == null ? null : each.value.expiration_days * 86400000
  }

  # What Pub/Sub writes with write_metadata and without a schema.
  schema = jsonencode([
    { name = "subscription_name", type = "STRING", mode = "NULLABLE" },
    { name = "message_id", type = "STRING", mode = "NULLABLE" },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE" },
    { name = "attributes", type = "JSON", mode = "NULLABLE" },
    { name = "data", type = "STRING", mode = "NULLABLE" },
  ])
}

# Pub/Sub may write a message twice, and gemhook may publish an event again: the first is kept.
resource "google_bigquery_table" "once" {
  for_each = local.tables

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.events[0].dataset_id
  table_id            = "${google_bigquery_table.events[each.key].table_id}_once"
  description         = "Each event of ${google_bigquery_table.events[each.key].table_id} once"
  labels              = var.labels
  deletion_protection = false # holds nothing

  view {
    use_legacy_sql = false
    query          = <<-EOT
      SELECT
        JSON_VALUE(attributes, '$."ce-id"') AS id,
        JSON_VALUE(attributes, '$."ce-type"') AS type,
        JSON_VALUE(attributes, '$."ce-source"') AS source,
        JSON_VALUE(attributes, '$."ce-subject"') AS subject,
        JSON_VALUE(attributes, '$."ce-tenant"') AS tenant,
        JSON_VALUE(attributes, '$."ce-time"') AS time,
        publish_time,
        attributes,
        SAFE.PARSE_JSON(data) AS data
      FROM `${var.project_id}.${local.dataset}.${google_bigquery_table.events[each.key].table_id}`
      WHERE TRUE
      QUALIFY ROW_NUMBER() OVER (
        PARTITION BY JSON_VALUE(attributes, '$."ce-source"'), JSON_VALUE(attributes, '$."ce-id"') ORDER BY publish_time, message_id
      ) = 1
    EOT
  }
}

resource "google_bigquery_table_iam_member" "pubsub" {
  for_each = local.tables

  project    = var.project_id
  dataset_id = google_bigquery_dataset.events[0].dataset_id
  table_id   = google_bigquery_table.events[each.key].table_id
  role       = "roles/bigquery.dataEditor"
  member     = time_sleep.pubsub.triggers["member"]

  lifecycle {
    replace_triggered_by = [google_bigquery_table.events[each.key].id]
  }
}

resource "google_storage_bucket" "archive" {
  count = local.archived ? 1 : 0

  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-archive"
  location                    = coalesce(var.data_location, "US")
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  dynamic "encryption" {
    for_each = var.kms_key[*]

    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_storage_bucket_iam_member" "archive" {
  for_each = toset(local.archived ? ["roles/storage.objectCreator", "roles/storage.legacyBucketReader"] : [])

  bucket = google_storage_bucket.archive[0].name
  role   = each.value
  member = time_sleep.pubsub.triggers["member"]
}

# Pub/Sub tries out what it may when the subscription is made.
resource "time_sleep" "exports_granted" {
  count = local.exporting ? 1 : 0

  create_duration = "60s"
  triggers        = { tables = join(",", keys(local.tables)), archived = tostring(local.archived) }

  depends_on = [google_bigquery_table_iam_member.pubsub, google_storage_bucket_iam_member.archive]
}
