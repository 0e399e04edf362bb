output "url" {
  description = "URL of the function, without a slash at its end."
  value       = trimsuffix(aws_lambda_function_url.receiver.function_url, "/")
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.receiver.function_name
}

output "log_group" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.receiver.name
}

output "service_account" {
  description = "E-mail address of the Google service account that the function acts as."
  value       = google_service_account.receiver.email
}

output "environment" {
  description = "Environment variables of the function."
  value       = module.environment.variables
}
