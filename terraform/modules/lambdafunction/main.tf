# One of gemhook's functions on AWS Lambda: the function, its URL, its role and log.

resource "aws_lambda_function" "function" {
  function_name = var.function_name
  description   = var.description
  role          = aws_iam_role.role.arn
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
    variables = var.environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.log.name
  }

  depends_on = [google_service_account_iam_member.federation, aws_iam_role_policy.logs]
}

# Neither Gemini nor Pub/Sub has an AWS identity: the function itself checks the signature of the
# one and the token of the other.
resource "aws_lambda_function_url" "function" {
  count = var.has_url ? 1 : 0

  function_name      = aws_lambda_function.function.function_name
  authorization_type = "NONE"
}

# A public function URL takes both permissions: to use the URL, and to invoke the function through
# it.
resource "aws_lambda_permission" "url" {
  count = var.has_url ? 1 : 0

  statement_id           = "GemhookPublicUrl"
  function_name          = aws_lambda_function.function.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = aws_lambda_function_url.function[0].authorization_type
}

resource "aws_lambda_permission" "invoke" {
  count = var.has_url ? 1 : 0

  statement_id             = "GemhookPublicInvoke"
  function_name            = aws_lambda_function.function.function_name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}

resource "aws_cloudwatch_log_group" "log" {
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = var.log_retention_days
  tags              = var.labels
}

resource "aws_iam_role" "role" {
  name        = var.function_name
  description = "Runs ${var.function_name} (gemhook)"
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
  role = aws_iam_role.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.log.arn}:*"
    }]
  })
}
