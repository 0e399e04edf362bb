variables {
  project_id               = "my-project"
  name                     = "gemhook"
  base_url                 = "https://receiver.example.com"
  tenants                  = ["acme", "bravo"]
  topic                    = "gemhook-events"
  dead_letter_topic        = "gemhook-dead-letters"
  dead_letter_subscription = "gemhook-dead-letters"
  database                 = "gemhook"
  collection               = "deliveries"
  signing_secrets          = "gemhook-signing-secrets"
  dynamic_keys             = "gemhook-dynamic-keys"
}

run "commands_that_read_terraforms_outputs" {
  command = plan

  variables {
    gemhook       = "scripts/gemhook"
    terraform_dir = "terraform/gcp"
  }

  assert {
    condition     = output.static_url == "https://receiver.example.com/"
    error_message = "The static URL is the receiver's root."
  }

  assert {
    condition = output.dynamic_urls == {
      acme  = "scripts/gemhook tenants url acme --terraform-dir terraform/gcp"
      bravo = "scripts/gemhook tenants url bravo --terraform-dir terraform/gcp"
    }
    error_message = "Each tenant has the command that makes its URL from the secret."
  }

  assert {
    condition = alltrue([
      for command in ["webhooks create --name gemhook", "doctor", "tenants url TENANT"] :
      strcontains(output.next_steps, "scripts/gemhook ${command} --terraform-dir terraform/gcp")
    ]) && !strcontains(output.next_steps, "GEMHOOK_TOPIC")
    error_message = output.next_steps
  }

  # The seven that Gemini lets one subscribe to.
  assert {
    condition     = strcontains(output.next_steps, "--event batch.succeeded,batch.expired,batch.failed,interaction.requires_action,interaction.completed,interaction.failed,video.generated\n")
    error_message = output.next_steps
  }
}

run "commands_that_read_the_environment" {
  command = plan

  variables {
    event_types = ["batch.succeeded"]
  }

  assert {
    condition     = strcontains(output.next_steps, "   gemhook doctor\n") && strcontains(output.next_steps, "   export GEMHOOK_SIGNING_SECRETS=projects/my-project/secrets/gemhook-signing-secrets\n")
    error_message = output.next_steps
  }

  assert {
    condition     = strcontains(output.next_steps, "--event batch.succeeded\n")
    error_message = output.next_steps
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

run "bad_event_type" {
  command = plan

  variables {
    event_types = ["batch"]
  }

  expect_failures = [var.event_types]
}

run "a_folder_that_a_shell_would_divide" {
  command = plan

  variables {
    terraform_dir = "my folder"
  }

  expect_failures = [var.terraform_dir]
}
