"""What is shown, an act a function: it does something to the deployed hub and asserts by a deadline what came of it."""

import base64
import concurrent.futures
import datetime
import json
import os
import re
import threading
import urllib.parse

from hub import Hub, multipart
from ledger import unaccounted
from polling import until

SERVICE = "listenbrainz"
# Deadlines, in seconds. A fresh play goes through four hops of about a tenth of a second each; what failed because the
# machine was too busy comes again after RETURNS.
SOON = 240
# Between two plays that are posted during a deployment: some hundred come in meanwhile.
A_BREATH = 0.2
# The schedule fires each minute, and the emulator looks at it each ten seconds.
A_TICK = 420
# When messages come again, in seconds: later than a function may run (90), sooner than the template's nine minutes, for
# which nobody here wants to wait.
RETURNS = 100


class Person:
    """A user of the hub with an account of the same name at the simulated ListenBrainz."""

    def __init__(self, stage, name):
        hub = stage.hub
        self.name = name
        self.id = hub.ask("POST", "/api/v1/users", {"name": name})["id"]
        made = hub.ask("POST", "/api/v1/user/tokens", {"name": "rehearsal", "scope": "full"}, user=self.id)
        self.token = made["token"]
        word = stage.twins.account(name)
        connected = hub.ask("POST", f"/api/v1/user/services/{SERVICE}/connect", {"token": word}, token=self.token)
        assert connected["username"] == name, connected

    def webhook(self, stage, source):
        """An address for a media server, made through the API; answers its path."""
        wish = {"name": source, "scope": "ingest", "source": source, "account": self.name}
        url = stage.hub.ask("POST", "/api/v1/user/tokens", wish, token=self.token)["webhook_url"]
        assert url.startswith(stage.stack.public_url), url
        return url.removeprefix(stage.stack.public_url)

    def queue(self, stage, number, watched_at):
        """Hands in one finished listen of three minutes and answers with the time at which it began."""
        length = datetime.timedelta(minutes=3)
        body = {
            "content_type": "track",
            "artist": "Rehearsal",
            "title": f"Number {number}",
            "duration_ms": int(length.total_seconds() * 1000),
            "watched_at": watched_at.isoformat(),
        }
        stage.hub.ask("POST", "/api/v1/scrobble/queue", body, token=self.token)
        return watched_at - length


class Stage:
    """Everything that the acts are played on."""

    def __init__(self, repository, emulator, twins, stack):
        self.repository = repository
        self.emulator = emulator
        self.twins = twins
        self.stack = stack
        self.parameters = {
            "ListenBrainzEnabled": "true",
            "ListenBrainzApiUrl": twins.services[SERVICE]["api"],
            "TrustStore": trust_store(),
        }
        self.outputs = {}
        self.hub = None
        self.mira = None

    def put_secrets(self, more):
        """Adds names to the secret, and answers all that is in it."""
        name, secrets = self.outputs["SecretArn"], self.emulator.secrets
        secret = {**json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]), **more}
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(secret))
        return secret

    def queue_url(self, *words):
        """The address of the one queue whose name has these words and, unless asked for, is none of dead letters."""
        names = [name for name in self.emulator.queues() if all(word in name.lower() for word in words)]
        if "dead" not in words:
            names = [name for name in names if "dead" not in name.lower()]
        assert len(names) == 1, f"{words}: {names}"
        return self.emulator.queues()[names[0]]

    def function(self, word):
        """The name of the one function that has this word in it."""
        names = [name for name in self.stack.functions() if word in name.lower()]
        assert len(names) == 1, f"{word}: {names}"
        return names[0]

    def plays(self, person):
        """A person's history by title."""
        plays = self.hub.history(person.token)
        by_title = {play["title"]: play for play in plays}
        assert len(by_title) == len(plays), "a play is there twice"
        return by_title

    def state(self, person, title, service=SERVICE):
        """What became of a person's play at a service; `None` before the play is there."""
        play = self.plays(person).get(title)
        return play and state_of(play, service)

    def delivered(self, person, title, seconds=SOON, service=SERVICE):
        """Waits until the history says delivered, and answers with the play."""
        until(f"{title!r} is delivered", lambda: self.state(person, title, service) == "delivered", seconds)
        return self.plays(person)[title]

    def nothing_left(self, but=()):
        """Waits until every queue is empty, but those named, and the ledger knows what became of every message."""

        def is_settled():
            counts, unknown = self.emulator.counts(), unaccounted(self.emulator.ledger())
            assert set(counts) == set(but), f"not empty: {counts}"
            # Asked again, too: a message may have been sent on while the queues were counted one after the other.
            assert not unknown, f"nobody knows what became of {unknown}"
            return True

        until("every message is accounted for", is_settled, SOON)


def trust_store():
    """This machine's file of root certificates."""
    names = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return next(name for name in names if os.path.exists(name))


def state_of(play, service):
    """What became of a play at a service; `None` where it does not go there."""
    return next((one["state"] for one in play["deliveries"] if one["service"] == service), None)


def moment(text):
    """A time as JSON has it."""
    return datetime.datetime.fromisoformat(text)


def deploy(stage):
    """`sam deploy` of the template puts the hub there; its secret is put; it answers through API Gateway."""
    stage.outputs = stage.stack.deploy(stage.parameters)
    # The stack makes a secret with a server token in it; the sealing keys are the operator's to add.
    key = base64.b64encode(os.urandom(32)).decode()
    secret = stage.put_secrets({"SEALING_KEYS": f"rehearsal:{key}"})
    stage.hub = Hub(stage.stack.public_url, stage.emulator.port, secret["SERVER_TOKEN"])
    for url in stage.emulator.queues().values():
        stage.emulator.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(RETURNS)})
    until("GET /health", lambda: stage.hub.call("GET", "/health")[0] == 200, SOON)
    return f"{len(stage.stack.functions())} functions, {len(stage.emulator.queues())} queues"


def connect(stage):
    """A user, a token of theirs and a ListenBrainz connection are made through the hub's own API."""
    stage.mira = Person(stage, "mira")
    health = stage.hub.ask("GET", "/api/v1/health", token=stage.mira.token)
    return f"health: {health.get('status', 'answered')}"


def webhook(stage):
    """What Jellyfin and Plex really post is a listen each, once, with its true time; the same again changes nothing."""
    samples = stage.repository / "events/webhooks"
    jellyfin = (samples / "jellyfin/44-track-heard-offline.json").read_bytes()
    plex, plex_type = multipart("payload", (samples / "plex/31-track-scrobble.json").read_text())
    posts = [
        (stage.mira.webhook(stage, "jellyfin"), jellyfin, "text/plain; charset=utf-8"),
        (stage.mira.webhook(stage, "plex"), plex, plex_type),
    ]

    def post_all():
        for path, body, kind in posts:
            status, answer = stage.hub.call("POST", path, body, {"Content-Type": kind})
            assert status == 202, (status, answer)

    post_all()
    nude = stage.delivered(stage.mira, "Nude")
    madonna = stage.delivered(stage.mira, "Brother Madonna")
    # Jellyfin says when the track was begun, Plex when it was scrobbled.
    assert moment(nude["started_at"]) == moment("2026-11-16T13:15:00Z"), nude
    assert moment(madonna["watched_at"]) == moment("2026-11-14T23:31:24Z"), madonna
    plays = stage.plays(stage.mira)
    expected = {title: moment(play["started_at"]).replace(microsecond=0) for title, play in plays.items()}
    assert listened(stage, stage.mira) == sorted(expected.items()), expected
    stage.nothing_left()
    for _ in range(3):
        post_all()
    stage.nothing_left()
    assert listened(stage, stage.mira) == sorted(expected.items())
    return "8 posts, 2 listens"


def listened(stage, person):
    """A person's listens as the simulated ListenBrainz has them: what and when, in order; copies would show as such."""
    listens = stage.twins.kept(SERVICE, person.name, "listens")
    return sorted((listen["track"], moment(listen["listened_at"])) for listen in listens)


def tick(stage):
    """A play whose first try failed and whose wake-up was lost is found and delivered by the schedule alone."""
    url = stage.queue_url("deliver", SERVICE)
    sync = stage.function("sync")
    ticks_before = ticks_with_lanes(stage, sync)
    stage.twins.down(SERVICE)
    began = stage.mira.queue(stage, "tick", an_hour_ago())
    until("its first try failed", lambda: stage.state(stage.mira, "Number tick") == "waiting", SOON)

    # A purge stands in for a lost message; the queue is the worker's, which the failed try left a delayed wake-up in.
    def lost():
        stage.emulator.sqs.purge_queue(QueueUrl=url)
        return stage.emulator.count(url) == 0

    until("its wake-up is lost", lost, SOON)
    stage.twins.up(SERVICE)
    stage.delivered(stage.mira, "Number tick", A_TICK)
    until("the sync function says that it woke a lane", lambda: ticks_with_lanes(stage, sync) > ticks_before, SOON)
    assert ("Number tick", began) in listened(stage, stage.mira)
    stage.nothing_left()
    return "woken by the schedule"


def ticks_with_lanes(stage, sync):
    """How many ticks have woken a lane, by the function's own log."""
    return sum(bool(re.search(r'"lanes":\s*[1-9]', line)) for line in stage.emulator.log_lines(sync))


def poison(stage):
    """A wake-up that can never be handled ends in the dead letters; what came beside it is delivered meanwhile."""
    noa = Person(stage, "noa")
    # Her signing in has woken her lane, too.
    stage.nothing_left()
    url, dead = stage.queue_url("deliver", SERVICE), stage.queue_url("dead", SERVICE)
    # Her tokens become somebody else's: no key opens what was sealed for another user.
    table = stage.outputs["TableName"]
    dynamodb = stage.emulator.dynamodb

    def key_of(person):
        return {"pk": {"S": f"USER#{person.id}"}, "sk": {"S": f"CONNECTION#{SERVICE}"}}

    def tokens_of(person):
        item = dynamodb.get_item(TableName=table, Key=key_of(person), ConsistentRead=True)["Item"]
        return item["sealed_tokens"]

    def put_tokens(tokens):
        dynamodb.update_item(
            TableName=table,
            Key=key_of(noa),
            UpdateExpression="SET sealed_tokens = :tokens",
            ExpressionAttributeValues={":tokens": tokens},
        )

    own = tokens_of(noa)
    put_tokens(tokens_of(stage.mira))
    # A pause between two tries is for functions that hang. This one fails at once.
    attributes = stage.emulator.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    stage.emulator.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        noa.queue(stage, "poison", an_hour_ago())
        for number in range(5):
            stage.mira.queue(stage, f"beside {number}", an_hour_ago(number))
        for number in range(5):
            stage.delivered(stage.mira, f"Number beside {number}")
        until("it is among the dead letters", lambda: stage.emulator.count(dead) == 1, A_TICK)
        stage.nothing_left(but=[dead.rsplit("/", 1)[1]])
        assert not listened(stage, noa)
        assert stage.state(noa, "Number poison") != "delivered"
        # Repaired and sent back, it is delivered: nothing was lost.
        put_tokens(own)
        for message in stage.emulator.sqs.receive_message(QueueUrl=dead).get("Messages", []):
            stage.emulator.sqs.send_message(QueueUrl=url, MessageBody=message["Body"])
            stage.emulator.sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
        stage.delivered(noa, "Number poison")
        stage.nothing_left()
    finally:
        stage.emulator.sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"VisibilityTimeout": attributes["VisibilityTimeout"]}
        )
    tries = json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]
    return f"dead after {tries} tries, delivered once repaired"


def deploy_again(stage):
    """A second `sam deploy` with other code and settings while plays come in: each is there once with its true time."""
    stage.stack.change_the_code("second")
    lastfm = stage.twins.services["lastfm"]
    stage.put_secrets({"LASTFM_API_KEY": lastfm["api_key"], "LASTFM_API_SECRET": lastfm["api_secret"]})
    stage.parameters.update(LastFmEnabled="true", LastFmApiUrl=lastfm["api"], LogFilter="info,hub_store=debug")
    began, refused = {}, []
    is_deployed = threading.Event()

    def post_until_deployed():
        number = 0
        # Some before, some meanwhile, some after.
        while number < 10 or not is_deployed.is_set():
            title = f"flight {number}"
            try:
                began[f"Number {title}"] = stage.mira.queue(stage, title, an_hour_ago(number))
            except Exception as error:  # noqa: BLE001: counted, and shown below
                refused.append(repr(error))
            number += 1
            is_deployed.wait(A_BREATH)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        posting = pool.submit(post_until_deployed)
        try:
            until("some are in flight", lambda: len(began) >= 5, SOON)
            stage.stack.deploy(stage.parameters)
        finally:
            is_deployed.set()
        posting.result()
    assert not refused, refused
    until("all are at the service", lambda: set(began.items()) <= set(listened(stage, stage.mira)), A_TICK, every=1)
    stage.nothing_left()
    listens = [listen for listen in listened(stage, stage.mira) if listen[0] in began]
    assert sorted(listens) == sorted(began.items())
    plays = stage.plays(stage.mira)
    states = {title: state_of(plays[title], SERVICE) for title in began}
    assert set(states.values()) == {"delivered"}, states
    return f"{len(began)} plays in flight"


def enable(stage):
    """The service that the second deployment enabled works: a sign-in by its page, and a play that goes to both."""
    begun = stage.hub.ask("POST", "/api/v1/scrobble/connect/lastfm", {}, token=stage.mira.token)
    query = urllib.parse.urlsplit(begun["authorize_url"]).query
    way_back = stage.twins.agree("lastfm", query, stage.mira.name)
    assert way_back.startswith(stage.stack.public_url), way_back
    status, page = stage.hub.call("GET", way_back.removeprefix(stage.stack.public_url))
    assert status == 200, (status, page)
    began = stage.mira.queue(stage, "both", an_hour_ago())
    for service in (SERVICE, "lastfm"):
        stage.delivered(stage.mira, "Number both", service=service)
    scrobbles = stage.twins.kept("lastfm", stage.mira.name, "scrobbles")
    # What was played before it was connected does not go there.
    assert [(one["track"], moment(one["timestamp"])) for one in scrobbles] == [("Number both", began)], scrobbles
    stage.nothing_left()
    return "Last.fm, by one parameter and its credentials"


def an_hour_ago(number=0):
    """A whole second an hour ago, and ten minutes earlier for each number: no two plays overlap."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return now - datetime.timedelta(hours=1, minutes=10 * number)


ACTS = (deploy, connect, webhook, tick, poison, deploy_again, enable)
