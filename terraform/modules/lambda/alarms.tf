locals {
  outcome = "$.message = \"delivery\" && $.outcome"

  # What to count in the receiver's delivery lines, and above how many in five minutes to alarm.
  alarms = {
    keys-unavailable = {
      pattern     = "{ ${local.outcome} = \"keys_unavailable\" }"
      above       = 0
      description = "No signing secret, dynamic key or key set can be read, so deliveries are refused with 503. Store a version of the secret, or look whether Secret Manager and the key set answer."
    }
    backend-unavailable = {
      pattern     = "{ $.message = \"delivery\" && ($.outcome = \"ledger_unavailable\" || $.outcome = \"topic_unavailable\") }"
      above       = 0
      description = "Firestore or Pub/Sub cannot be reached or refuses, so deliveries are answered 503 and come again. Look at the federation and the service account's grants first."
    }
    dead-lettered = {
      pattern     = "{ ${local.outcome} = \"dead_lettered\" }"
      above       = 0
      description = "A genuine delivery was no Gemini event and went to the dead-letter topic."
    }
    redelivered = {
      pattern     = "{ $.message = \"delivery\" && $.redelivered IS TRUE }"
      above       = 0
      description = "An event was published again after a crash or a lost answer; its message carries ce-redelivered."
    }
    signature-failures = {
      pattern     = "{ $.message = \"delivery\" && ($.outcome = \"bad_signature\" || $.outcome = \"stale_timestamp\" || $.outcome = \"unknown_token\" || $.outcome = \"bad_token\") }"
      above       = var.signature_failures_threshold
      description = "Many requests are not signed as they should be: someone is guessing, or the stored signing secret is not the webhook's."
    }
  }
}
