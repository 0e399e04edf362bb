"""A worker in Python: it pulls result messages from a Pub/Sub subscription, reads the result that each points to, and
stores it once. It needs no package.

    GOOGLE_CLOUD_PROJECT=P SUBSCRIPTION=S DATABASE=answers.db python3 docs/examples/python/worker.py

docs/consume.md says what it does and why.
"""

import base64
import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# How long ids are kept: gemhook's retention, within which a copy can be published, and the subscription's, within which
# Pub/Sub can deliver it. Both are a week unless somebody changed them.
KEEP_SECONDS = 14 * 24 * 3600

TABLES = """
    CREATE TABLE IF NOT EXISTS acted (key TEXT PRIMARY KEY, expires REAL);
    CREATE TABLE IF NOT EXISTS jobs (subject TEXT PRIMARY KEY, state TEXT, reason TEXT, times INTEGER);
    CREATE TABLE IF NOT EXISTS answers (subject TEXT, key TEXT, response TEXT);
"""


def host_of(variable, usual):
    """Returns the URL of a service, or of its emulator."""
    emulator = os.environ.get(variable)
    if not emulator:
        return usual
    return emulator if "://" in emulator else "http://" + emulator


PUBSUB = host_of("PUBSUB_EMULATOR_HOST", "https://pubsub.googleapis.com")
STORAGE = host_of("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com")


def token():
    """Returns an access token of the service account that the machine has."""
    request = urllib.request.Request(
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
        headers={"Metadata-Flavor": "Google"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["access_token"]


def call(url, body=None, timeout=120):
    """Makes one call of a Google API and returns the open answer."""
    headers = {"Content-Type": "application/json"}
    if url.startswith("https://"):
        headers["Authorization"] = "Bearer " + token()
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=timeout)


class Subscription:
    def __init__(self, project, name):
        self.url = f"{PUBSUB}/v1/projects/{project}/subscriptions/{name}"

    def _post(self, method, body):
        with call(self.url + ":" + method, body) as answer:
            return json.load(answer)

    def pull(self):
        return self._post("pull", {"maxMessages": 10}).get("receivedMessages", [])

    def acknowledge(self, ack_id):
        self._post("acknowledge", {"ackIds": [ack_id]})

    def retry(self, ack_id):
        """Has Pub/Sub deliver a message again."""
        self._post("modifyAckDeadline", {"ackIds": [ack_id], "ackDeadlineSeconds": 0})


def lines(uri):
    """Yields the lines of an object, one at a time: a result can be larger than memory."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    with call(f"{STORAGE}/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media") as answer:
        yield from answer


def act(database, event_type, result):
    """Is where your work goes. This one stores each response of a batch under the key of its request."""
    event = result["event"]
    database.execute(
        "INSERT INTO jobs VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
        (event["subject"], result.get("state"), result.get("reason")),
    )
    if event_type == "gemhook.result.unavailable":
        return  # the reason says why, and no retry changes it
    if "text" in result:  # of an interaction
        database.execute("INSERT INTO answers VALUES (?, '', ?)", (event["subject"], result["text"]))
    for stored in result["objects"]:
        if not stored["uri"].endswith("/responses.jsonl"):
            continue
        for line in lines(stored["uri"]):
            response = json.loads(line)
            database.execute(
                "INSERT INTO answers VALUES (?, ?, ?)",
                (event["subject"], response.get("key"), json.dumps(response.get("response"))),
            )


def act_once(database, attributes, data):
    """Does the work of a result message unless it was done before, and reports whether it did. The work and the record of
    it are one transaction: a crash leaves both or neither."""
    if attributes.get("ce-specversion") != "1.0":
        raise ValueError("no CloudEvent 1.0")
    # A batch ends once, so its name identifies it: the result of an event that reconcile has found, which has an id of its
    # own, is the same as that of Gemini's. Everything else is known by source and id.
    key = attributes["ce-source"] + "\n" + attributes["ce-id"]
    subject = attributes.get("ce-subject")
    if attributes["ce-eventtype"].startswith("batch.") and subject:
        key = attributes["ce-eventtype"] + "\n" + subject.removeprefix("batches/")
    with database:  # commits, or rolls back at an exception
        if attributes.get("ce-redelivered") == "true":  # it may be a copy: look before acting
            if database.execute("SELECT 1 FROM acted WHERE key = ?", (key,)).fetchone():
                return False
        try:
            database.execute("INSERT INTO acted VALUES (?, ?)", (key, time.time() + KEEP_SECONDS))
        except sqlite3.IntegrityError:
            return False  # of an unmarked message: Pub/Sub delivers the same message again
        act(database, attributes["ce-type"], json.loads(data))
        database.execute("DELETE FROM acted WHERE expires < ?", (time.time(),))
    return True


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    subscription = Subscription(os.environ["GOOGLE_CLOUD_PROJECT"], os.environ["SUBSCRIPTION"])
    with contextlib.closing(sqlite3.connect(os.environ["DATABASE"])) as database:
        database.executescript(TABLES)
        while True:
            try:
                received = subscription.pull()
            except (urllib.error.URLError, TimeoutError) as error:
                print("pull:", error, file=sys.stderr)
                time.sleep(1)
                continue
            for one in received:
                message = one["message"]
                attributes = message.get("attributes", {})
                try:
                    acted = act_once(database, attributes, base64.b64decode(message.get("data", "")))
                except Exception as error:  # whatever it is, the message must not be lost
                    print(f"message {message['messageId']}: {error!r}", file=sys.stderr)
                    subscription.retry(one["ackId"])
                    continue
                print("acted on" if acted else "done before:", f"{attributes.get('ce-subject')} (message {message['messageId']})", flush=True)
                subscription.acknowledge(one["ackId"])


if __name__ == "__main__":
    main()
