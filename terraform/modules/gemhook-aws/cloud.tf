# The outputs that only AWS has.

output "function_name" {
  description = "Name of the Lambda function."
  value       = module.lambda.function_name
}

output "log_group" {
  description = "Name of the function's CloudWatch log group."
  value       = module.lambda.log_group
}
