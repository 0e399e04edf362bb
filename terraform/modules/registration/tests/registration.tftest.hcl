variables {
  project_id      = "my-project"
  name            = "gemhook"
  base_url        = "https://receiver.example.com"
  tenants         = ["acme", "bravo"]
  signing_secrets = "gemhook-signing-secrets"
  dynamic_keys    = "gemhook-dynamic-keys"
  subscription    = "gemhook-all"
}

run "urls_and_commands" {
  command = plan

  assert {
    condition     = output.static_url == "https://receiver.example.com/"
    error_message = "The static URL is the receiver's root."
  }

  assert {
    condition     = keys(output.dynamic_urls) == ["acme", "bravo"] && alltrue([for tenant, command in output.dynamic_urls : endswith(command, "https://receiver.example.com ${tenant}") && strcontains(command, "--secret=gemhook-dynamic-keys")])
    error_message = "Each tenant has the command that makes its URL from the secret."
  }

  assert {
    condition     = strcontains(output.next_steps, "\"uri\":\"https://receiver.example.com/\"") && strcontains(output.next_steps, "gcloud secrets versions add gemhook-signing-secrets --project=my-project --data-file=-") && strcontains(output.next_steps, "gcloud pubsub subscriptions pull gemhook-all --project=my-project")
    error_message = "next_steps registers the webhook, stores its secret and looks at the topic."
  }
}

run "bad_tenant" {
  command = plan

  variables {
    tenants = ["acme", "Bravo!"]
  }

  expect_failures = [var.tenants]
}

run "bad_url" {
  command = plan

  variables {
    base_url = "https://receiver.example.com/"
  }

  expect_failures = [var.base_url]
}
