output "url" {
  description = "URL of the function, without a slash at its end; null where it has none."
  value       = one([for url in aws_lambda_function_url.function : trimsuffix(url.function_url, "/")])
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.function.function_name
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.function.arn
}

output "log_group" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.log.name
}

output "google_credentials" {
  description = "External-account JSON with which the function is known to Google Cloud; it holds no secret."
  value       = local.google_credentials
}
