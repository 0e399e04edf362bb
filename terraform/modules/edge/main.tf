# A domain of your own in front of the function: global load balancer, managed certificate, and
# Cloud Armor with a rate limit per source address.
resource "google_compute_global_address" "ipv4" {
  project = var.project_id
  name    = "${var.name}-ipv4"
  labels  = var.labels
}

resource "google_compute_region_network_endpoint_group" "receiver" {
  project               = var.project_id
  region                = var.region
  name                  = "${var.name}-receiver"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = var.service
  }

  # The load balancer uses it: another region's is made before this one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_security_policy" "rate_limit" {
  project     = var.project_id
  name        = "${var.name}-rate-limit"
  description = "Limits what one address may send to the gemhook receiver"

  rule {
    description = "Answer 429 above the limit"
    priority    = 1000
    action      = "throttle"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = var.requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    description = "Default"
    priority    = 2147483647
    action      = "allow"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

# No request log: it would hold the tokens of dynamic URLs. What Cloud Armor refuses is counted in
# its metrics.
resource "google_compute_backend_service" "receiver" {
  project               = var.project_id
  name                  = "${var.name}-receiver"
  description           = "The gemhook receiver"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.rate_limit.id

  backend {
    group = google_compute_region_network_endpoint_group.receiver.id
  }
}

resource "google_compute_url_map" "receiver" {
  project         = var.project_id
  name            = "${var.name}-receiver"
  description     = "Everything to the gemhook receiver"
  default_service = google_compute_backend_service.receiver.id
}

# Remembers which domain was the first. Its certificate has the key "first" in the state, since
# there was only one once and had no key; a certificate whose key changes would be made again.
resource "terraform_data" "first_domain" {
  input = var.domain

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  domains      = concat([var.domain], sort(var.previous_domains))
  certificates = { for domain in local.domains : domain == terraform_data.first_domain.input ? "first" : domain => domain }
}

# One for each name, since Google issues it only once the name leads here: that of a previous name
# is served beside the new one's until it is taken off the list.
resource "google_compute_managed_ssl_certificate" "domain" {
  for_each = local.certificates

  project = var.project_id
  name    = "${var.name}-${substr(sha256(each.value), 0, 8)}"

  managed {
    domains = [each.value]
  }

  lifecycle {
    create_before_destroy = true
  }
}

moved {
  from = google_compute_managed_ssl_certificate.domain
  to   = google_compute_managed_ssl_certificate.domain["first"]
}

resource "google_compute_ssl_policy" "modern" {
  project         = var.project_id
  name            = "${var.name}-modern"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "receiver" {
  project          = var.project_id
  name             = "${var.name}-receiver"
  url_map          = google_compute_url_map.receiver.id
  ssl_certificates = [for key in sort(keys(local.certificates)) : google_compute_managed_ssl_certificate.domain[key].id]
  ssl_policy       = google_compute_ssl_policy.modern.id
}

resource "google_compute_global_forwarding_rule" "https" {
  project               = var.project_id
  name                  = "${var.name}-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.ipv4.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.receiver.id
  labels                = var.labels
}
