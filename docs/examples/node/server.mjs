// A subscriber in Node: Pub/Sub pushes events to it, unwrapped, and it acts on each job once. It needs no package.
//
//   GOOGLE_CLOUD_PROJECT=P PORT=8080 node docs/examples/node/server.mjs
//
// docs/consume.md says what it does and why.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const project = process.env.GOOGLE_CLOUD_PROJECT;
const emulator = process.env.FIRESTORE_EMULATOR_HOST;
const base = emulator ? `http://${emulator}/v1` : 'https://firestore.googleapis.com/v1';
const database = `projects/${project}/databases/(default)`;

// How long ids are kept: gemhook's retention, within which a copy can be published, and the subscription's, within which
// Pub/Sub can deliver it. Both are a week unless somebody changed them.
const keepFor = 14 * 24 * 3600 * 1000;

// parse reads a CloudEvent in binary mode: its attributes are headers, its data the body.
function parse(headers, body) {
  if (headers['ce-specversion'] !== '1.0') throw new Error('no CloudEvent 1.0');
  return {
    id: headers['ce-id'],
    type: headers['ce-type'],
    source: headers['ce-source'],
    subject: headers['ce-subject'] ?? '',
    marked: headers['ce-redelivered'] === 'true', // it may be a copy of an earlier one
    data: JSON.parse(body).data ?? {},
  };
}

// keyOf identifies what is to be done once. A batch ends once, so its name identifies it, and an event that reconcile has
// found (which has an id of its own) is the same as Gemini's. Everything else is known by source and id.
function keyOf(event) {
  const isBatch = event.type.startsWith('batch.') && event.subject;
  const text = isBatch ? `${event.type}\n${event.subject.replace(/^batches\//, '')}` : `${event.source}\n${event.id}`;
  return createHash('sha256').update(text).digest('hex');
}

// authorization is that of the service account on Cloud Run; the emulator takes "owner".
async function authorization() {
  if (emulator) return 'Bearer owner';
  const place = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token';
  const answer = await fetch(place, { headers: { 'Metadata-Flavor': 'Google' } });
  return `Bearer ${(await answer.json()).access_token}`;
}

async function firestore(method, path, body) {
  return fetch(`${base}/${path}`, {
    method, body: body && JSON.stringify(body),
    headers: { authorization: await authorization(), 'content-type': 'application/json' },
  });
}

const text = value => ({ stringValue: value ?? '' });

// actOnce does what is to be done about an event, unless that was done before. The work and the record of it are one commit:
// a crash leaves both or neither.
async function actOnce(event) {
  const record = `${database}/documents/acted/${keyOf(event)}`;
  if (event.marked) { // look before acting
    const found = await firestore('GET', record);
    if (found.ok) return false;
    if (found.status !== 404) throw new Error(`look for the record: ${found.status}`);
  }
  const expires = new Date(Date.now() + keepFor).toISOString(); // a TTL policy on it deletes the record
  const answer = await firestore('POST', `${database}/documents:commit`, {
    writes: [
      {
        update: { name: record, fields: { type: text(event.type), subject: text(event.subject), expires_at: { timestampValue: expires } } },
        currentDocument: { exists: false },
      },
      ...work(event),
    ],
  });
  // The record exists. Of an unmarked event that is so only if Pub/Sub delivers the same message again.
  if (answer.status === 409) return false;
  if (!answer.ok) throw new Error(`commit: ${answer.status} ${await answer.text()}`);
  return true;
}

// work is where yours goes. This one keeps a document for each job.
function work(event) {
  return [{
    update: {
      name: `${database}/documents/jobs/${encodeURIComponent(event.subject.replaceAll('/', '-'))}`,
      fields: { type: text(event.type), output: text(event.data.output_file_uri), error: text(event.data.error_message) },
    },
    updateMask: { fieldPaths: ['type', 'output', 'error'] },
    updateTransforms: [{ fieldPath: 'times', increment: { integerValue: 1 } }],
  }];
}

// What is answered decides: 2xx acknowledges, anything else has Pub/Sub deliver again.
const server = createServer(async (request, response) => {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
    const event = parse(request.headers, Buffer.concat(chunks).toString());
    const acted = await actOnce(event);
    console.log(`${acted ? 'acted on' : 'done before:'} ${event.subject} (message ${request.headers['x-goog-pubsub-message-id']})`);
    response.writeHead(204).end();
  } catch (error) {
    console.error(error.message);
    response.writeHead(500).end();
  }
});
server.listen(process.env.PORT ?? 8080);
process.on('SIGTERM', () => server.close());
