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
    condition     = google_compute_global_forwarding_rule.https.port_range == "443" && google_compute_managed_ssl_certificate.domain["first"].managed[0].domains == tolist(["hooks.example.com"])
    error_message = "Only HTTPS is served, with a certificate of the domain."
  }

  assert {
    condition     = output.url == "https://hooks.example.com" && output.dns_record == "hooks.example.com. 300 IN A 203.0.113.7"
    error_message = "Unexpected outputs."
  }
}

run "the_next_domain_is_served_beside_the_previous_one" {
  command = apply

  variables {
    domain           = "events.example.com"
    previous_domains = ["hooks.example.com"]
  }

  assert {
    condition     = output.certificates["hooks.example.com"] == run.rate_limit_per_source.certificates["hooks.example.com"] && length(google_compute_target_https_proxy.receiver.ssl_certificates) == 2
    error_message = "The previous domain keeps its certificate while the next one's is issued."
  }

  assert {
    condition     = output.url == "https://events.example.com" && google_compute_managed_ssl_certificate.domain["events.example.com"].managed[0].domains == tolist(["events.example.com"])
    error_message = "The next domain has a certificate of its own."
  }
}

run "the_previous_domain_is_let_go" {
  command = apply

  variables {
    domain = "events.example.com"
  }

  assert {
    condition     = output.certificates == { "events.example.com" = run.the_next_domain_is_served_beside_the_previous_one.certificates["events.example.com"] }
    error_message = "The certificate in use stays the one that it is."
  }
}

run "the_present_domain_is_no_previous_one" {
  command = plan

  variables {
    previous_domains = ["hooks.example.com"]
  }

  expect_failures = [var.previous_domains]
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
