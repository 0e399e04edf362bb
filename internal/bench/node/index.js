// The reference that gemhook is measured against: a receiver of Gemini's webhooks that does what the Cloud Run function in
// the Gemini cookbook does (github.com/google-gemini/cookbook, quickstarts/Webhooks.ipynb, step 1), no more and no less.
// That includes what it could do without: it prints every header and the body before it verifies, makes a verifier for
// each request, and verifies the body as serialised once more rather than as received.
'use strict';

const framework = require('@google-cloud/functions-framework');
const {Webhook} = require('standardwebhooks');

// GEMHOOK_BENCH_QUIET leaves the printing out, for a second figure.
const print = process.env.GEMHOOK_BENCH_QUIET ? () => {} : console.log;

const signed = ['webhook-id', 'webhook-signature', 'webhook-timestamp'];

framework.http('geminiWebhook', async (req, res) => {
  if (req.method !== 'POST') {
    res.status(200).send('running');
    return;
  }
  print('headers');
  print(JSON.stringify(req.headers, null, 2));
  print('body');
  print(JSON.stringify(req.body, null, 2));

  const headers = Object.fromEntries(signed.map((name) => [name, req.headers[name]]));
  try {
    const verifier = new Webhook(process.env.WEBHOOK_SIGNING_SECRET);
    const event = verifier.verify(JSON.stringify(req.body), headers);
    print(`${event.type}: ${JSON.stringify(event.data)}`);
    res.status(200).json({status: 'received'});
  } catch (refusal) {
    console.error('refused:', refusal.message);
    res.status(400).json({error: 'Signature invalid'});
  }
});
