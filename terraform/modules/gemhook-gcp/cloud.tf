# The outputs that only Google Cloud has.

output "service" {
  description = "Name of the Cloud Run service behind the function."
  value       = module.receiver.service
}

output "dns_record" {
  description = "Record to add to the domain's zone; null without a domain."
  value       = one(module.edge[*].dns_record)
}

output "certificates" {
  description = "Domain to the name of its certificate; empty without a domain."
  value       = try(module.edge[0].certificates, {})
}
