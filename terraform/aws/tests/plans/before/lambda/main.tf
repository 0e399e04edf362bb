module "access" {
  source = "./access"
}

resource "aws_cloudwatch_log_group" "receiver" {
}

resource "aws_cloudwatch_log_metric_filter" "delivery" {
  for_each = toset(["backend-unavailable", "dead-lettered", "keys-unavailable", "redelivered", "signature-failures"])

  log_group_name = "x"
  name           = "x"
  pattern        = "x"

  metric_transformation {
    name      = "x"
    namespace = "x"
    value     = "x"
  }
}

resource "aws_cloudwatch_metric_alarm" "delivery" {
  for_each = toset(["backend-unavailable", "dead-lettered", "keys-unavailable", "redelivered", "signature-failures"])

  alarm_name = "x"
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name = "x"
}

resource "aws_iam_role" "receiver" {
  assume_role_policy = "x"
}

resource "aws_iam_role_policy" "logs" {
  policy = "x"
  role   = "x"
}

resource "aws_lambda_function" "receiver" {
  function_name = "x"
  role          = "x"
}

resource "aws_lambda_function_url" "receiver" {
  authorization_type = "x"
  function_name      = "x"
}

resource "aws_lambda_permission" "invoke" {
  action        = "x"
  function_name = "x"
  principal     = "x"
}

resource "aws_lambda_permission" "url" {
  action        = "x"
  function_name = "x"
  principal     = "x"
}

resource "google_iam_workload_identity_pool" "aws" {
  workload_identity_pool_id = "x"
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  workload_identity_pool_id          = "x"
  workload_identity_pool_provider_id = "x"
}

resource "google_service_account" "receiver" {
  account_id = "x"
}

resource "google_service_account_iam_member" "federation" {
  member             = "x"
  role               = "x"
  service_account_id = "x"
}

resource "time_static" "pool" {
}
