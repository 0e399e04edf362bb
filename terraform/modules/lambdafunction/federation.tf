# The function proves its AWS role to Google and gets short-lived tokens of one service account in
# return. No key exists anywhere.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # How AWS names the role once the function has assumed it.
  assumed_role = join(":", [
    "arn", data.aws_partition.current.partition, "sts", "", data.aws_caller_identity.current.account_id,
    "assumed-role/${var.function_name}",
  ])
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  project                            = var.project_id
  workload_identity_pool_id          = var.pool.id
  workload_identity_pool_provider_id = var.provider_id
  display_name                       = "AWS account ${data.aws_caller_identity.current.account_id}"

  aws {
    account_id = data.aws_caller_identity.current.account_id
  }

  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.extract('assumed-role/{role}/')"
  }

  # Nothing else in the AWS account gets a token.
  attribute_condition = "assertion.arn.startsWith('${local.assumed_role}/')"
}

resource "google_service_account_iam_member" "federation" {
  service_account_id = var.account.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${var.pool.name}/attribute.aws_role/${var.function_name}"
}

locals {
  # Region and AWS credentials come from Lambda's environment; there is no metadata server to name.
  google_credentials = jsonencode({
    type                              = "external_account"
    audience                          = "//iam.googleapis.com/${google_iam_workload_identity_pool_provider.aws.name}"
    subject_token_type                = "urn:ietf:params:aws:token-type:aws4_request"
    token_url                         = "https://sts.googleapis.com/v1/token"
    service_account_impersonation_url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${var.account.email}:generateAccessToken"
    credential_source = {
      environment_id                 = "aws1"
      regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    }
  })
}
