mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "210987654321" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:210987654321:log-group:/aws/lambda/gemhook-receiver" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.us-east-1.on.aws/" }
  }
}

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/my-project/serviceAccounts/gemhook-receiver@my-project.iam.gserviceaccount.com"
      email  = "gemhook-receiver@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:gemhook-receiver@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_iam_workload_identity_pool" {
    defaults = { name = "projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2" }
  }

  mock_resource "google_iam_workload_identity_pool_provider" {
    defaults = { name = "projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2/providers/aws" }
  }
}

variables {
  project_id    = "my-project"
  name          = "gemhook"
  labels        = { app = "gemhook" }
  function_name = "gemhook-receiver"
  description   = "Receives"
  package       = "main.tf" # stands for the zip, which a test has no need of
  environment   = { GEMHOOK_TOPIC = "gemhook-events" }
  provider_id   = "aws"
  errors_alarm  = { name = "gemhook-errors", description = "It crashes." }
  pool = {
    id   = "gemhook-67e0a1b2"
    name = "projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2"
  }
  account = {
    name  = "projects/my-project/serviceAccounts/gemhook-receiver@my-project.iam.gserviceaccount.com"
    email = "gemhook-receiver@my-project.iam.gserviceaccount.com"
  }
}

run "function" {
  command = apply

  assert {
    condition = (
      aws_lambda_function.function.function_name == "gemhook-receiver" &&
      aws_lambda_function.function.runtime == "provided.al2023" &&
      aws_lambda_function.function.architectures == tolist(["arm64"]) &&
      aws_lambda_function.function.timeout == 30 &&
      aws_lambda_function.function.source_code_hash == filebase64sha256("main.tf")
    )
    error_message = "Unexpected function."
  }

  assert {
    condition     = output.url == "https://abc.lambda-url.us-east-1.on.aws"
    error_message = "The URL has no slash at its end."
  }
}

run "everyone_may_use_the_url_and_nothing_else" {
  command = apply

  assert {
    condition = (
      aws_lambda_function_url.function[0].authorization_type == "NONE" &&
      aws_lambda_permission.url[0].action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.url[0].function_url_auth_type == "NONE" &&
      aws_lambda_permission.invoke[0].action == "lambda:InvokeFunction" && aws_lambda_permission.invoke[0].invoked_via_function_url
    )
    error_message = "The function is public through its URL only."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.logs.policy).Statement == [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:us-east-1:210987654321:log-group:/aws/lambda/gemhook-receiver:*"
    }]
    error_message = "The role writes to its own log group."
  }
}

run "federation" {
  command = apply

  assert {
    condition = (
      google_iam_workload_identity_pool_provider.aws.aws[0].account_id == "210987654321" &&
      google_iam_workload_identity_pool_provider.aws.attribute_condition == "assertion.arn.startsWith('arn:aws:sts::210987654321:assumed-role/gemhook-receiver/')"
    )
    error_message = "Only the function's role of this account is let in."
  }

  assert {
    condition = (
      google_service_account_iam_member.federation.role == "roles/iam.workloadIdentityUser" &&
      google_service_account_iam_member.federation.member == "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2/attribute.aws_role/gemhook-receiver"
    )
    error_message = "Only the function's role becomes the service account."
  }

  assert {
    condition = jsondecode(output.google_credentials) == {
      type                              = "external_account"
      audience                          = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/gemhook-67e0a1b2/providers/aws"
      subject_token_type                = "urn:ietf:params:aws:token-type:aws4_request"
      token_url                         = "https://sts.googleapis.com/v1/token"
      service_account_impersonation_url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/gemhook-receiver@my-project.iam.gserviceaccount.com:generateAccessToken"
      credential_source = {
        environment_id                 = "aws1"
        regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
      }
    }
    error_message = "The credentials name the provider and the service account, and hold no key."
  }
}

run "alarms" {
  command = apply

  variables {
    alarm_topics = ["arn:aws:sns:us-east-1:210987654321:on-call"]
    idle_alarm   = { name = "gemhook-idle", description = "Nothing calls it." }
    alarms       = { failed = { pattern = "{ $.outcome = \"failed\" }", above = 3, description = "It fails." } }
  }

  assert {
    condition = alltrue([for name, a in aws_cloudwatch_metric_alarm.logged :
      a.alarm_name == "gemhook-failed" && a.metric_name == name && a.namespace == "gemhook/gemhook" && a.statistic == "Sum" && a.period == 300 && a.comparison_operator == "GreaterThanThreshold" && a.threshold == 3 && contains(a.alarm_actions, "arn:aws:sns:us-east-1:210987654321:on-call")
    ])
    error_message = "Each alarm watches its filter's metric and tells the topics."
  }

  # AWS counts a function that is stopped for its memory or time among the errors.
  assert {
    condition = [for a in concat([aws_cloudwatch_metric_alarm.errors], aws_cloudwatch_metric_alarm.idle) : {
      name = a.alarm_name, watched = "${a.statistic} of ${a.namespace} ${a.metric_name} ${a.dimensions["FunctionName"]}"
      when = "${a.comparison_operator} ${a.threshold} for ${a.evaluation_periods} times ${a.period} s, missing ${a.treat_missing_data}"
      }] == [
      {
        name = "gemhook-errors", watched = "Sum of AWS/Lambda Errors gemhook-receiver"
        when = "GreaterThanThreshold 0 for 1 times 300 s, missing notBreaching"
      },
      {
        name = "gemhook-idle", watched = "Sum of AWS/Lambda Invocations gemhook-receiver"
        when = "LessThanThreshold 1 for 3 times 3600 s, missing breaching"
      },
    ]
    error_message = "One error raises an alarm, and so do three hours without a call."
  }
}

run "without_a_url_nobody_may_call_it" {
  command = apply

  variables {
    has_url = false
  }

  assert {
    condition     = output.url == null && length(aws_lambda_permission.url) == 0 && length(aws_lambda_permission.invoke) == 0
    error_message = "No permission is given to everyone."
  }
}

run "a_package_that_is_not_there" {
  command = plan

  variables {
    package = "no-such.zip"
  }

  expect_failures = [var.package]
}

run "a_function_switched_off" {
  command = plan

  variables {
    max_concurrency = 0
  }

  expect_failures = [var.max_concurrency]
}

run "bad_log_retention" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "bad_memory" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "bad_alarm_topic" {
  command = plan

  variables {
    alarm_topics = ["on-call"]
  }

  expect_failures = [var.alarm_topics]
}
