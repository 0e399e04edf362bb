# The alarms of CloudWatch: which log lines raise them, and the text that is sent with them. This
# module makes nothing: the lambdafunction module makes metric filters and alarms of it, and tests
# compare it with the lines that the functions write and with docs/runbook.

locals {
  runbook  = "https://github.com/gemhook/gemhook/blob/main/docs/runbook"
  delivery = "$.message = \"delivery\""
  outcome  = { for key in ["bad_signature", "stale_timestamp", "unknown_token", "bad_token", "ledger_unavailable", "topic_unavailable"] : key => "$.outcome = \"${key}\"" }

  # Pattern of the log lines to count, how many in five minutes raise no alarm yet, and the page of
  # the runbook.
  all = {
    receiver = {
      keys-unavailable = {
        pattern     = "{ ${local.delivery} && $.outcome = \"keys_unavailable\" }"
        page        = "keys-unavailable"
        description = "No signing secret, dynamic key or key set can be read, so deliveries are answered 503. Store a version of the secret, or see whether Secret Manager and the key set answer."
      }
      backend-unavailable = {
        pattern     = "{ ${local.delivery} && (${local.outcome.ledger_unavailable} || ${local.outcome.topic_unavailable}) }"
        page        = "backend-unavailable"
        description = "Firestore or Pub/Sub cannot be reached or refuses, so deliveries are answered 503 and come again. Look at the federation and the service account's grants first."
      }
      internal = {
        pattern     = "{ ${local.delivery} && $.outcome = \"internal\" }"
        page        = "internal"
        description = "A delivery was answered 500 because of a mistake in gemhook. The log line has the stack."
      }
      process = {
        pattern     = "{ $.severity = \"ERROR\" && $.message != \"delivery\" }"
        page        = "process"
        description = "The receiver does not start, or found malformed keys. The log line says which."
      }
      dead-lettered = {
        pattern     = "{ ${local.delivery} && $.outcome = \"dead_lettered\" }"
        page        = "dead-letters"
        description = "A genuine delivery was no Gemini event and went to the dead-letter topic."
      }
      redelivered = {
        pattern     = "{ ${local.delivery} && $.redelivered IS TRUE }"
        page        = "redelivered"
        description = "An event was published again after a crash or a lost answer; its message carries ce-redelivered."
      }
      signature-failures = {
        pattern     = "{ ${local.delivery} && (${local.outcome.bad_signature} || ${local.outcome.stale_timestamp} || ${local.outcome.unknown_token} || ${local.outcome.bad_token}) }"
        above       = var.signature_failures
        page        = "signature-failures"
        description = "Many requests are not signed as they should be: someone is guessing, or the stored signing secret is not the webhook's."
      }
    }

    collect = {
      results-unavailable = {
        pattern     = "{ $.message = \"collection\" && $.outcome = \"unavailable\" }"
        page        = "results-unavailable"
        description = "Gemini has no result for an event, or none that gemhook may read; the result message says why."
      }
      collect-failing = {
        pattern     = "{ $.message = \"collection\" && $.severity = \"ERROR\" }"
        above       = 5
        page        = "collect-failing"
        description = "Results cannot be fetched or stored: Gemini, the bucket, the ledger or the topic refuses, or the API key does. Pub/Sub tries each event 100 times."
      }
      collect-process = {
        pattern     = "{ $.severity = \"ERROR\" && $.message != \"collection\" }"
        page        = "collect-process"
        description = "collect does not start, or found malformed API keys. The log line says which."
      }
    }

    reconcile = {
      reconcile-failed = {
        pattern     = "{ $.severity = \"ERROR\" }"
        page        = "reconcile-failed"
        description = "A run of reconcile failed in part or as a whole, or a webhook that it turned on again does not accept its ping."
      }
      reconcile-put-right = {
        pattern     = "{ $.message = \"reconciliation\" && $.outcome = \"put right\" }"
        page        = "reconcile-put-right"
        description = "Something had been left undone, and reconcile has done it; the log line says what."
      }
    }
  }
}
