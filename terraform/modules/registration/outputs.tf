output "static_url" {
  description = "URL to register at Gemini."
  value       = "${var.base_url}/"
}

output "dynamic_urls" {
  description = "Tenant to the command that prints its dynamic URL. Not the URL itself: it holds a token, and an output is kept in the state in clear."
  value       = local.dynamic_urls
}

output "next_steps" {
  description = "What to do next, with the exact commands."
  value       = local.next_steps
}
