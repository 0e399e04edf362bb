mock_provider "google" {
  mock_resource "google_compute_global_address" {
    defaults = { address = "203.0.113.7" }
  }
}

variables {
  project_id = "my-project"
  name       = "gemhook"
  region     = "us-central1"
  service    = "gemhook-receiver"
  domain     = "hooks.example.com"
}

run "rate_limit_per_source" {
  command = apply

  assert {
    condition = one([
      for r in google_compute_security_policy.rate_limit.rule :
      r.action == "throttle" && r.rate_limit_options[0].enforce_on_key == "IP" && r.rate_limit_options[0].exceed_action == "deny(429)" && r.rate_limit_options[0].rate_limit_threshold[0].count == 6000
      if r.priority == 1000
    ])
    error_message = "A source address is limited, with an answer that Gemini comes again after."
  }

  assert {
    condition     = google_compute_backend_service.receiver.security_policy == google_compute_security_policy.rate_limit.id && google_compute_region_network_endpoint_group.receiver.cloud_run[0].service == "gemhook-receiver"
    error_message = "The limit stands before the receiver's service."
  }

  assert {
    condition     = google_compute_global_forwarding_rule.https.port_range == "443" && google_compute_managed_ssl_certificate.domain.managed[0].domains == tolist(["hooks.example.com"])
    error_message = "Only HTTPS is served, with a certificate of the domain."
  }

  assert {
    condition     = output.url == "https://hooks.example.com" && output.dns_record == "hooks.example.com. 300 IN A 203.0.113.7"
    error_message = "Unexpected outputs."
  }
}

run "a_url_is_no_domain" {
  command = plan

  variables {
    domain = "https://hooks.example.com/"
  }

  expect_failures = [var.domain]
}

run "bad_limit" {
  command = plan

  variables {
    requests_per_minute = 0
  }

  expect_failures = [var.requests_per_minute]
}

run "bad_region" {
  command = plan

  variables {
    region = "eu"
  }

  expect_failures = [var.region]
}

run "bad_name" {
  command = plan

  variables {
    name = "-gemhook"
  }

  expect_failures = [var.name]
}
