data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

module "environment" {
  source = "../environment"

  project_id         = var.project_id
  backend            = var.backend
  settings           = var.settings
  google_credentials = local.google_credentials
}

module "access" {
  source = "../access"

  project_id = var.project_id
  member     = google_service_account.receiver.member
  database   = var.backend.database

  publishes_on = {
    events       = var.backend.topic
    dead_letters = var.backend.dead_letter_topic
  }

  reads = {
    signing_secrets = var.backend.signing_secrets
    dynamic_keys    = var.backend.dynamic_keys
  }
}

locals {
  function_name = "${var.name}-receiver"
}

resource "aws_lambda_function" "receiver" {
  function_name = local.function_name
  description   = "Receives Gemini API webhooks, verifies each and publishes it once"
  role          = aws_iam_role.receiver.arn
  tags          = var.labels

  runtime                        = "provided.al2023"
  architectures                  = ["arm64"]
  handler                        = "bootstrap"
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.max_concurrency

  environment {
    variables = module.environment.variables
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.receiver.name
  }

  depends_on = [module.access, google_service_account_iam_member.federation, aws_iam_role_policy.logs]
}

resource "aws_lambda_function_url" "receiver" {
  function_name      = aws_lambda_function.receiver.function_name
  authorization_type = "NONE" # Gemini has no AWS identity; its signature is what counts
}

# A public function URL takes both permissions: to use the URL, and to invoke
# the function through it.
resource "aws_lambda_permission" "url" {
  statement_id           = "GemhookPublicUrl"
  function_name          = aws_lambda_function.receiver.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = aws_lambda_function_url.receiver.authorization_type
}

resource "aws_lambda_permission" "invoke" {
  statement_id             = "GemhookPublicInvoke"
  function_name            = aws_lambda_function.receiver.function_name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}

resource "aws_cloudwatch_log_group" "receiver" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  tags              = var.labels
}

resource "aws_iam_role" "receiver" {
  name        = local.function_name
  description = "Runs the gemhook receiver"
  tags        = var.labels

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.receiver.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.receiver.arn}:*"
    }]
  })
}
