output "url" {
  description = "URL of the receiver under the domain, without a slash at its end."
  value       = "https://${var.domain}"
}

output "certificates" {
  description = "Domain to the name of its certificate."
  value       = { for key, domain in local.certificates : domain => google_compute_managed_ssl_certificate.domain[key].name }
}

output "dns_record" {
  description = "Record to add to the domain's zone; the certificate is issued some time after it is there."
  value       = "${var.domain}. 300 IN A ${google_compute_global_address.ipv4.address}"
}
