// Verifies deliveries with the Standard Webhooks library. Reads [{secret, headers, body}] from standard input and writes,
// for each, the event's type, or the library's error.
import {readFileSync} from 'node:fs';
import {Webhook, WebhookVerificationError} from 'standardwebhooks';

const verdicts = JSON.parse(readFileSync(0, 'utf8')).map(({secret, headers, body}) => {
  try {
    return {type: new Webhook(secret).verify(body, headers).type};
  } catch (e) {
    if (!(e instanceof WebhookVerificationError)) throw e;
    return {refused: e.message};
  }
});
process.stdout.write(JSON.stringify(verdicts));
