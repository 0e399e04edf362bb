# The resources of a function were in this module until there were other functions.

moved {
  from = google_iam_workload_identity_pool_provider.aws
  to   = module.function.google_iam_workload_identity_pool_provider.aws
}

moved {
  from = google_service_account_iam_member.federation
  to   = module.function.google_service_account_iam_member.federation
}

moved {
  from = aws_lambda_function.receiver
  to   = module.function.aws_lambda_function.function
}

moved {
  from = aws_lambda_function_url.receiver
  to   = module.function.aws_lambda_function_url.function[0]
}

moved {
  from = aws_lambda_permission.url
  to   = module.function.aws_lambda_permission.url[0]
}

moved {
  from = aws_lambda_permission.invoke
  to   = module.function.aws_lambda_permission.invoke[0]
}

moved {
  from = aws_cloudwatch_log_group.receiver
  to   = module.function.aws_cloudwatch_log_group.log
}

moved {
  from = aws_iam_role.receiver
  to   = module.function.aws_iam_role.role
}

moved {
  from = aws_iam_role_policy.logs
  to   = module.function.aws_iam_role_policy.logs
}

moved {
  from = aws_cloudwatch_log_metric_filter.delivery
  to   = module.function.aws_cloudwatch_log_metric_filter.logged
}

moved {
  from = aws_cloudwatch_metric_alarm.delivery
  to   = module.function.aws_cloudwatch_metric_alarm.logged
}

moved {
  from = aws_cloudwatch_metric_alarm.errors
  to   = module.function.aws_cloudwatch_metric_alarm.errors
}
