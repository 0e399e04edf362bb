variables {
  project_id = "my-project"
  name       = "gem-hook"
  receiver = {
    service         = "gem-hook-receiver"
    region          = "us-central1"
    host            = "hooks.example.com"
    signing_secrets = "gem-hook-signing-secrets"
  }
  subscriptions            = { all = "gem-hook-all", batches = "gem-hook-batches" }
  dead_letter_subscription = "gem-hook-dead-letters"
  thresholds = {
    signature_failures  = 20
    server_errors       = 0
    backlog_age_seconds = 900
    no_delivery_hours   = 6
    availability        = 0.99
    latency_ms          = 5000
  }
}

run "all" {
  command = plan

  assert {
    condition     = keys(output.logged) == ["backend-unavailable", "internal", "keys-unavailable", "process", "redelivered"]
    error_message = "Alerts on log lines: ${join(", ", keys(output.logged))}"
  }

  assert {
    condition     = keys(output.measured) == ["availability", "backlog-age", "dead-letters", "latency", "no-delivery", "server-errors", "signature-failures", "uptime"]
    error_message = "Alerts on metrics: ${join(", ", keys(output.measured))}"
  }

  assert {
    condition     = output.measured["availability"].query == "(1 - sum(increase(logging_googleapis_com:user_gem_hook_deliveries{monitored_resource=\"cloud_run_revision\",outcome=~\"published|duplicate|dead_lettered\"}[1h])) / sum(increase(logging_googleapis_com:user_gem_hook_deliveries{monitored_resource=\"cloud_run_revision\",outcome=~\"published|duplicate|dead_lettered|internal|.*_unavailable\"}[1h])) > 0.144) and (1 - sum(increase(logging_googleapis_com:user_gem_hook_deliveries{monitored_resource=\"cloud_run_revision\",outcome=~\"published|duplicate|dead_lettered\"}[5m])) / sum(increase(logging_googleapis_com:user_gem_hook_deliveries{monitored_resource=\"cloud_run_revision\",outcome=~\"published|duplicate|dead_lettered|internal|.*_unavailable\"}[5m])) > 0.144)"
    error_message = output.measured["availability"].query
  }

  assert {
    condition     = strcontains(output.measured["no-delivery"].query, "[6h]") && strcontains(output.measured["uptime"].query, "host=\"hooks.example.com\"")
    error_message = "The settings are in the queries."
  }

  assert {
    condition     = alltrue([for key, alert in merge(output.logged, output.measured) : endswith(alert.advice, "/docs/runbook/${key}.md")])
    error_message = "Every alert names its page of the runbook."
  }
}

run "only_what_is_asked_for" {
  command = plan

  variables {
    receiver = null
  }

  assert {
    condition     = length(output.logged) == 0 && keys(output.measured) == ["backlog-age", "dead-letters"]
    error_message = "Without the receiver only Pub/Sub is watched."
  }
}

run "silence_is_not_watched_by_default" {
  command = plan

  variables {
    thresholds = {
      signature_failures  = 20
      server_errors       = 0
      backlog_age_seconds = 900
      no_delivery_hours   = null
      availability        = 0.99
      latency_ms          = 5000
    }
  }

  assert {
    condition     = !contains(keys(output.measured), "no-delivery")
    error_message = "Who has no job for a week wants no alert."
  }
}
