variables {
  project_id = "my-project"
  backend = {
    topic             = "gemhook-events"
    dead_letter_topic = "gemhook-dead-letters"
    database          = "gemhook"
    collection        = "deliveries"
    retention         = "168h"
    signing_secrets   = "gemhook-signing-secrets"
    dynamic_keys      = "gemhook-dynamic-keys"
  }
}

run "what_is_not_set_is_left_to_the_receiver" {
  command = plan

  assert {
    condition = output.variables == tomap({
      GOOGLE_CLOUD_PROJECT      = "my-project"
      GEMHOOK_TOPIC             = "gemhook-events"
      GEMHOOK_DEAD_LETTER_TOPIC = "gemhook-dead-letters"
      GEMHOOK_DATABASE          = "gemhook"
      GEMHOOK_COLLECTION        = "deliveries"
      GEMHOOK_RETENTION         = "168h"
      GEMHOOK_SIGNING_SECRETS   = "projects/my-project/secrets/gemhook-signing-secrets"
      GEMHOOK_DYNAMIC_KEYS      = "projects/my-project/secrets/gemhook-dynamic-keys"
      GEMHOOK_TOLERANCE         = "5m"
      GEMHOOK_LEASE             = "60s"
      GEMHOOK_MAX_BODY          = "262144"
      LOG_LEVEL                 = "info"
    })
    error_message = "Unexpected environment: ${jsonencode(output.variables)}"
  }
}

run "everything_can_be_set" {
  command = plan

  variables {
    settings = {
      jwks_url     = "https://keys.example.com/jwks.json"
      jwt_audience = "my-audience"
      tolerance    = "3m"
      lease        = "2m"
      max_body     = 100000
      log_level    = "debug"
    }
    google_credentials = "{}"
  }

  assert {
    condition = (
      output.variables["GEMHOOK_JWKS_URL"] == "https://keys.example.com/jwks.json" &&
      output.variables["GEMHOOK_JWT_AUDIENCE"] == "my-audience" &&
      output.variables["GEMHOOK_TOLERANCE"] == "3m" &&
      output.variables["GEMHOOK_LEASE"] == "2m" &&
      output.variables["GEMHOOK_MAX_BODY"] == "100000" &&
      output.variables["LOG_LEVEL"] == "debug" &&
      output.variables["GEMHOOK_GOOGLE_CREDENTIALS"] == "{}"
    )
    error_message = "A setting does not reach the environment: ${jsonencode(output.variables)}"
  }
}

run "a_lease_shorter_than_a_request_is_refused" {
  command = plan

  variables {
    settings = { lease = "19s" }
  }

  expect_failures = [var.settings]
}

run "the_shortest_lease" {
  command = plan

  variables {
    settings = { lease = "20s" }
  }
}

run "a_duration_without_a_unit_is_refused" {
  command = plan

  variables {
    settings = { tolerance = "300" }
  }

  expect_failures = [var.settings]
}

run "a_body_that_does_not_fit_into_the_ledger_is_refused" {
  command = plan

  variables {
    settings = { max_body = 900001 }
  }

  expect_failures = [var.settings]
}

run "a_log_level_that_hides_deliveries_is_refused" {
  command = plan

  variables {
    settings = { log_level = "warn" }
  }

  expect_failures = [var.settings]
}

run "a_key_set_without_tls_is_refused" {
  command = plan

  variables {
    settings = { jwks_url = "http://keys.example.com" }
  }

  expect_failures = [var.settings]
}
