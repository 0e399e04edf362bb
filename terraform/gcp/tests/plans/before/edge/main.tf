resource "google_compute_backend_service" "receiver" {
  name = "x"
}

resource "google_compute_global_address" "ipv4" {
  name = "x"
}

resource "google_compute_global_forwarding_rule" "https" {
  name   = "x"
  target = "x"
}

resource "google_compute_managed_ssl_certificate" "domain" {
}

resource "google_compute_region_network_endpoint_group" "receiver" {
  name   = "x"
  region = "x"
}

resource "google_compute_security_policy" "rate_limit" {
  name = "x"
}

resource "google_compute_ssl_policy" "modern" {
  name = "x"
}

resource "google_compute_target_https_proxy" "receiver" {
  name    = "x"
  url_map = "x"
}

resource "google_compute_url_map" "receiver" {
  name = "x"
}
