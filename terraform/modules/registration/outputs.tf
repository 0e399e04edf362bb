output "static_url" {
  description = "URL to register at Gemini."
  value       = "${var.base_url}/"
}

output "dynamic_urls" {
  description = "Tenant to the shell command that prints its dynamic URL; the URL itself is a secret and no output can hold it outside the state."
  value       = local.dynamic_urls
}

output "next_steps" {
  description = "What to do next, with the exact commands."
  value       = local.next_steps
}
