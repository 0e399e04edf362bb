# The function proves its AWS role to Google and gets short-lived tokens of one
# service account in return. No key exists anywhere.

# A deleted pool keeps its id for 30 days: the moment of creation in the id
# lets the next one be made at once.
resource "time_static" "pool" {}

resource "google_iam_workload_identity_pool" "aws" {
  project                   = var.project_id
  workload_identity_pool_id = "${var.name}-${format("%x", time_static.pool.unix)}"
  display_name              = "gemhook (${var.name})"
  description               = "Lets the receiver on AWS Lambda use Google Cloud"
}

locals {
  # How AWS names the role once the function has assumed it.
  assumed_role = join(":", [
    "arn", data.aws_partition.current.partition, "sts", "", data.aws_caller_identity.current.account_id,
    "assumed-role/${local.function_name}",
  ])
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.aws.workload_identity_pool_id
  workload_identity_pool_provider_id = "aws"
  display_name                       = "AWS account ${data.aws_caller_identity.current.account_id}"

  aws {
    account_id = data.aws_caller_identity.current.account_id
  }

  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.extract('assumed-role/{role}/')"
  }

  # Nothing else in the account gets a token.
  attribute_condition = "assertion.arn.startsWith('${local.assumed_role}/')"
}

resource "google_service_account" "receiver" {
  project      = var.project_id
  account_id   = "${var.name}-receiver"
  display_name = "gemhook receiver on Lambda (${var.name})"
}

resource "google_service_account_iam_member" "federation" {
  service_account_id = google_service_account.receiver.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.aws.name}/attribute.aws_role/${local.function_name}"
}

locals {
  # Region and AWS credentials come from Lambda's environment; there is no
  # metadata server to name.
  google_credentials = jsonencode({
    type                              = "external_account"
    audience                          = "//iam.googleapis.com/${google_iam_workload_identity_pool_provider.aws.name}"
    subject_token_type                = "urn:ietf:params:aws:token-type:aws4_request"
    token_url                         = "https://sts.googleapis.com/v1/token"
    service_account_impersonation_url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${google_service_account.receiver.email}:generateAccessToken"
    credential_source = {
      environment_id                 = "aws1"
      regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    }
  })
}
