// Reads Pub/Sub messages with the CloudEvents SDK: attributes as headers, data as the body. Reads [{attributes, data}] from
// standard input and writes, for each, the event in JSON.
import {readFileSync} from 'node:fs';
import {HTTP} from 'cloudevents';

const events = JSON.parse(readFileSync(0, 'utf8')).map(({attributes, data}) => HTTP.toEvent({headers: attributes, body: data}));
process.stdout.write(JSON.stringify(events));
