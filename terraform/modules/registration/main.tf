locals {
  secret = "--project=${var.project_id} --secret=${var.dynamic_keys}"

  # The token is HMAC-SHA256 with the key, which must not enter Terraform's
  # state: any output does. So the output is the command that makes the URL, in
  # which the key goes from Secret Manager to Python and is on no command line.
  # With several keys in the secret the first one signs; all are accepted.
  dynamic_url = join(" | ", [
    "gcloud secrets versions access latest ${local.secret}",
    join("", [
      "python3 -c 'import base64, hashlib, hmac, sys; ",
      "key = sys.stdin.buffer.read().split()[0]; ",
      "mac = hmac.new(key, (\"gemhook/dynamic/v1:\" + sys.argv[2]).encode(), hashlib.sha256).digest(); ",
      "print(sys.argv[1] + \"/dynamic/\" + sys.argv[2] + \"/\" + base64.urlsafe_b64encode(mac).decode().rstrip(\"=\"))' ",
      "%s %s",
    ]),
  ])

  dynamic_urls = { for tenant in var.tenants : tenant => format(local.dynamic_url, var.base_url, tenant) }

  api = "https://generativelanguage.googleapis.com/v1beta/webhooks"

  webhook = jsonencode({
    name              = var.name
    uri               = "${var.base_url}/"
    subscribed_events = var.event_types
  })

  next_steps = <<-EOT
    1. Register the webhook at Gemini and store its signing secret, which Gemini shows only now:

       export GEMINI_API_KEY=...
       webhook=$(curl -fsS ${local.api} -H "x-goog-api-key: $GEMINI_API_KEY" -H 'content-type: application/json' \
         -d '${local.webhook}')
       printf %s "$webhook" | python3 -c 'import json, sys; print(json.load(sys.stdin)["new_signing_secret"])' |
         gcloud secrets versions add ${var.signing_secrets} --project=${var.project_id} --data-file=-

    2. Have Gemini send a test delivery, and see it on the topic:

       id=$(printf %s "$webhook" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
       curl -fsS -X POST "${local.api}/$id:ping" -H "x-goog-api-key: $GEMINI_API_KEY" -H 'content-type: application/json' -d '{}'
       gcloud pubsub subscriptions pull ${var.subscription} --project=${var.project_id} --limit=5 --auto-ack

    3. For webhooks named in a single request (webhook_config.uris), print a tenant's dynamic URL and keep it like a password:

       ${format(local.dynamic_url, var.base_url, "TENANT")}

    The webhook's URL: ${var.base_url}/
  EOT
}
