# Lets each service's own account use a key of yours, before the service makes what the key is for.

resource "google_project_service_identity" "service" {
  for_each = var.services
  provider = google-beta

  project = var.project_id
  service = each.value
}

data "google_storage_project_service_account" "storage" {
  project = var.project_id
}

data "google_bigquery_default_service_account" "bigquery" {
  count = var.bigquery ? 1 : 0

  project = var.project_id
}

locals {
  members = merge(
    { for service, identity in google_project_service_identity.service : service => identity.member },
    { storage = data.google_storage_project_service_account.storage.member },
    { for account in data.google_bigquery_default_service_account.bigquery : "bigquery" => account.member },
  )
}

resource "google_kms_crypto_key_iam_member" "service" {
  for_each = setunion(var.services, ["storage"], var.bigquery ? ["bigquery"] : [])

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = local.members[each.value]
}

# Grants take about a minute to be seen by the services they are for.
resource "time_sleep" "granted" {
  create_duration = "60s"
  triggers        = { kms_key = var.kms_key }

  depends_on = [google_kms_crypto_key_iam_member.service]
}
