"""The emulator of AWS on loopback, and what the rehearsal asks it directly: the queues, the logs, the ledger."""

import contextlib
import json
import os
import pathlib
import subprocess
import urllib.request

import boto3

from polling import until
from processes import free_port, running

REGION = "us-east-1"
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class Emulator:
    """A running emulator: its port, AWS clients that speak to it, and its ledger of messages."""

    def __init__(self, port, ledger):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._ledger = pathlib.Path(ledger)
        # The endpoint is named in the environment: sam takes it from there, too.
        os.environ.update(
            AWS_ENDPOINT_URL=self.url,
            AWS_DEFAULT_REGION=REGION,
            AWS_REGION=REGION,
            AWS_ACCESS_KEY_ID="rehearsal",
            AWS_SECRET_ACCESS_KEY="rehearsal",
        )
        # A profile of the machine's own would be preferred to all this.
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            os.environ.pop(name, None)
        self.sqs = boto3.client("sqs")
        self.dynamodb = boto3.client("dynamodb")
        self.secrets = boto3.client("secretsmanager")
        self.cloudformation = boto3.client("cloudformation")
        self.functions = boto3.client("lambda")
        self.logs = boto3.client("logs")

    def queues(self):
        """Every queue: its name and its address."""
        urls = self.sqs.list_queues().get("QueueUrls", [])
        return {url.rsplit("/", 1)[1]: url for url in urls}

    def count(self, url):
        """The messages of a queue: those ready, those being handled and those delayed."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
        return sum(int(attributes[name]) for name in COUNTS)

    def counts(self):
        """The messages of each queue that has any."""
        counts = {name: self.count(url) for name, url in self.queues().items()}
        return {name: count for name, count in counts.items() if count}

    def log_lines(self, function):
        """What a function has logged, one line an entry."""
        group = f"/aws/lambda/{function}"
        lines = []
        for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            lines += [event["message"] for event in page["events"]]
        return lines

    def ledger(self):
        """What happened to each message, in order: what, in which queue, to which message."""
        with self._ledger.open() as file:
            return [json.loads(line) for line in file if line.endswith("\n")]


@contextlib.contextmanager
def started(python, folder):
    """Runs the emulator with `python`, its own environment's, while the block runs; its files lie in `folder`."""
    port = free_port()
    ledger = folder / "ledger.jsonl"
    ledger.write_text("")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # Handed on to the functions, which find their stores by it.
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "REHEARSAL_LEDGER": str(ledger),
    }
    process = pathlib.Path(__file__).with_name("ministack_process.py")
    with running([python, process], folder / "emulator.log", env=environment, stdin=subprocess.PIPE):
        emulator = Emulator(port, ledger)
        health = f"{emulator.url}/_ministack/health"
        until("the emulator answers", lambda: urllib.request.urlopen(health, timeout=2), 60)
        yield emulator
