locals {
  # Where gemhook's command line finds the settings: Terraform's outputs, or the environment where
  # the module is called by a configuration that has others.
  place = var.terraform_dir == null ? "" : " --terraform-dir ${var.terraform_dir}"

  environment = join("", [
    for name, value in var.terraform_dir != null ? {} : {
      GOOGLE_CLOUD_PROJECT             = var.project_id
      GEMHOOK_URL                      = "${var.base_url}/"
      GEMHOOK_TOPIC                    = var.topic
      GEMHOOK_DEAD_LETTER_TOPIC        = var.dead_letter_topic
      GEMHOOK_DEAD_LETTER_SUBSCRIPTION = var.dead_letter_subscription
      GEMHOOK_DATABASE                 = var.database
      GEMHOOK_COLLECTION               = var.collection
      GEMHOOK_SIGNING_SECRETS          = "projects/${var.project_id}/secrets/${var.signing_secrets}"
      GEMHOOK_DYNAMIC_KEYS             = "projects/${var.project_id}/secrets/${var.dynamic_keys}"
    } : "   export ${name}=${value}\n"
  ])

  # The URL holds a token, HMAC-SHA256 with the dynamic key, which must not enter Terraform's state:
  # any output does. So what is given is the command that makes it.
  dynamic_urls = { for tenant in var.tenants : tenant => "${var.gemhook} tenants url ${tenant}${local.place}" }

  # An organization may forbid the grant that opens a service to everyone.
  opening = join("", [
    for command in var.open_by_hand : "   ${command}\n"
  ])
  open_by_hand = local.opening == "" ? "" : "0. Open the receiver to Gemini, which brings no Google identity; its signature is what counts:\n\n${local.opening}\n"

  # What the functions beside the receiver need.
  store_api_key = var.api_keys == null ? "" : <<-EOT

    Store the API key for the functions that ask Gemini themselves (a line TENANT:KEY for each tenant's own project may follow):

       printf %s "$GEMINI_API_KEY" | gcloud secrets versions add ${coalesce(var.api_keys, "-")} --project=${var.project_id} --data-file=-
  EOT

  next_steps = <<-EOT
    ${local.open_by_hand}1. Let the command line read your Gemini API key, without showing it or leaving it in the shell's history:

       read -rs GEMINI_API_KEY && export GEMINI_API_KEY
    ${local.environment}
    2. Register the webhook at Gemini and store its signing secret, which Gemini shows only now:

       ${var.gemhook} webhooks create --name ${var.name}${local.place} \
         --event ${join(",", var.event_types)}

    3. Check that everything is in order; at the end Gemini sends a test delivery, which is followed to the topic:

       ${var.gemhook} doctor${local.place}

    4. For webhooks named in a single request (webhook_config.uris), print a tenant's dynamic URL and keep it like a password:

       ${var.gemhook} tenants url TENANT${local.place}
    ${local.store_api_key}
    The webhook's URL: ${var.base_url}/
  EOT
}
