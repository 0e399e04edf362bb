// Calls a WebhookService with Google's SDK, through the whole life of a webhook. Reads {url, key, endpoint} from standard
// input and writes what only the caller got to see.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {GoogleGenAI} from '@google/genai';

const {url, key, endpoint} = JSON.parse(readFileSync(0, 'utf8'));
const open = (apiKey, more = {}) => new GoogleGenAI({apiKey, httpOptions: {baseUrl: url, ...more}}).webhooks;
const webhooks = open(key);

// A refusal is the SDK's own kind of error, and has Google's words in it.
const refused = (call, name, status, words) =>
  assert.rejects(call, (e) => {
    assert.equal(e.name, name);
    assert.equal(e.status, status);
    assert.match(JSON.stringify(e.error), words);
    return true;
  });

assert.deepEqual((await webhooks.list()).webhooks ?? [], []);

const created = await webhooks.create({name: 'first', uri: endpoint, subscribed_events: ['batch.succeeded', 'video.generated']});
assert.match(created.new_signing_secret, /^whsec_/);
assert.equal(created.state, 'enabled');
assert.equal(created.uri, endpoint);
assert.deepEqual(created.subscribed_events, ['batch.succeeded', 'video.generated']);
assert.ok(!Number.isNaN(Date.parse(created.create_time)));
const {id} = created;

const others = [];
for (const name of ['second', 'third', 'fourth']) {
  others.push((await webhooks.create({name, uri: endpoint, subscribed_events: ['interaction.failed']})).id);
}

const names = [];
let pages = 0;
let token;
do {
  const page = await webhooks.list({page_size: 3, page_token: token});
  names.push(...page.webhooks.map((w) => w.name));
  token = page.next_page_token;
  pages++;
} while (token);
assert.deepEqual(names, ['first', 'second', 'third', 'fourth']);
assert.equal(pages, 2);

const got = await webhooks.get(id);
assert.equal(got.name, 'first');
assert.equal(got.new_signing_secret, undefined);
assert.equal(got.signing_secrets.length, 1);
assert.ok(created.new_signing_secret.endsWith(got.signing_secrets[0].truncated_secret.slice(-4)));
assert.equal((await open(key, {apiVersion: 'v1'}).get(id)).id, id);
assert.equal((await webhooks.get(id, {api_version: 'v1'})).id, id);

const renamed = await webhooks.update(id, {name: 'renamed', subscribed_events: ['batch.succeeded', 'batch.failed', 'batch.expired']});
assert.equal(renamed.name, 'renamed');
assert.deepEqual(renamed.subscribed_events, ['batch.succeeded', 'batch.failed', 'batch.expired']);
assert.equal((await webhooks.update(id, {state: 'disabled', update_mask: 'state'})).state, 'disabled');
assert.equal((await webhooks.update(id, {state: 'enabled', update_mask: 'state'})).state, 'enabled');

await webhooks.ping(id);
await webhooks.ping(id, {body: {}});

const rotated = [];
for (const request of [
  undefined,
  {revocation_behavior: 'revoke_previous_secrets_immediately'},
  {revocation_behavior: 'revoke_previous_secrets_after_h24'},
  {revocation_behavior: 'REVOKE_PREVIOUS_SECRETS_AFTER_H24'}, // as the guide writes it
]) {
  const {secret} = await webhooks.rotateSigningSecret(id, request);
  assert.match(secret, /^whsec_/);
  rotated.push(secret);
}
const secrets = (await webhooks.get(id)).signing_secrets;
assert.deepEqual(secrets.map((s) => s.expire_time !== undefined), [false, true, true]);

await refused(webhooks.get('nothing'), 'NotFoundError', 404, /NOT_FOUND/);
await refused(webhooks.update(id, {uri: 'not a URL'}), 'BadRequestError', 400, /INVALID_ARGUMENT/);
await refused(webhooks.create({uri: endpoint, subscribed_events: ['batch.invented']}), 'BadRequestError', 400, /batch\.invented/);
await refused(webhooks.list({page_token: 'nothing'}), 'BadRequestError', 400, /page_token/);
await refused(open('wrong').list(), 'BadRequestError', 400, /API_KEY_INVALID/);

for (const other of others) {
  await webhooks.delete(other);
}
await refused(webhooks.delete(others[0]), 'NotFoundError', 404, /NOT_FOUND/);
assert.deepEqual((await webhooks.list()).webhooks.map((w) => w.id), [id]);

process.stdout.write(JSON.stringify({id, created: created.new_signing_secret, rotated}));
