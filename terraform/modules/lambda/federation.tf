# Functions prove their AWS roles to Google here; each has a provider of its own in the pool.

# A deleted pool keeps its id for 30 days: the moment of creation in the id lets the next one be
# made at once.
resource "time_static" "pool" {}

resource "google_iam_workload_identity_pool" "aws" {
  project                   = var.project_id
  workload_identity_pool_id = "${var.name}-${format("%x", time_static.pool.unix)}"
  display_name              = "gemhook (${var.name})"
  description               = "Lets the receiver on AWS Lambda use Google Cloud"
}

resource "google_service_account" "receiver" {
  project      = var.project_id
  account_id   = "${var.name}-receiver"
  display_name = "gemhook receiver on Lambda (${var.name})"
}
