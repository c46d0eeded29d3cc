"""Runs ministack with what the rehearsal needs beyond it. This file alone runs in the emulator's own environment.

Six things are added, none of which makes the hub's work easier than AWS would:

- Nested templates may be SAM's, as on AWS; ministack transforms the outermost alone.
- What has not changed in a nested stack keeps its attributes in an update; ministack forgets them.
- A mapping's concurrency may come from a parameter, which is text.
- Alarms by metric math are taken and kept; ministack refuses them. Nothing is evaluated, so no alarm is ever rehearsed.
- A function that is updated finishes what it is doing, as on AWS; ministack kills it, and its messages would be back
  only after their visibility timeout of nine minutes.
- A ledger: each message sent, received, deleted and moved to dead letters is a line of JSON in the file that
  REHEARSAL_LEDGER names, so that every one can be accounted for.
"""

import json
import os
import signal
import threading

import ministack.app
from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import engine, provisioners


def transform_nested_templates():
    """Applies a nested template's transforms when it is read; the outermost is transformed where it always is."""
    parse, deploy = engine._parse_template, provisioners._cfn_nested_stack_deploy
    nesting = threading.local()

    def parse_and_transform(text):
        template = parse(text)
        return engine._apply_transforms(template) if getattr(nesting, "is_nested", False) else template

    def deploy_nested(*arguments, **names):
        nesting.is_nested = True
        try:
            return deploy(*arguments, **names)
        finally:
            nesting.is_nested = False

    engine._parse_template = parse_and_transform
    provisioners._cfn_nested_stack_deploy = deploy_nested


def keep_attributes_of_what_does_not_change():
    """Hands a resource's attributes on from one deployment of its nested stack to the next."""
    provision, update = provisioners._provision_resource, provisioners._update_resource
    known = {}

    def remembered(stack_name, result):
        physical_id, attributes = result
        known[stack_name, physical_id] = attributes
        return result

    def provision_and_remember(resource_type, logical_id, props, stack_name):
        return remembered(stack_name, provision(resource_type, logical_id, props, stack_name))

    def update_and_remember(resource_type, physical_id, old, new, stack_name, logical_id=None, attributes=None):
        attributes = attributes or known.get((stack_name, physical_id))
        return remembered(stack_name, update(resource_type, physical_id, old, new, stack_name, logical_id, attributes))

    provisioners._provision_resource = provision_and_remember
    provisioners._update_resource = update_and_remember


def read_concurrency_as_a_number():
    """Turns the text that a parameter is into the number that ministack compares."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    originals = dict(handler)

    def as_numbers(props):
        scaling = props.get("ScalingConfig")
        return {**props, "ScalingConfig": {name: int(text) for name, text in scaling.items()}} if scaling else props

    def create(logical_id, props, stack_name):
        return originals["create"](logical_id, as_numbers(props), stack_name)

    def update(physical_id, old_props, new_props, *others):
        return originals["update"](physical_id, as_numbers(old_props), as_numbers(new_props), *others)

    handler.update(create=create, update=update)


def take_alarms_by_metric_math():
    """Keeps an alarm with `Metrics` under its name; the others go the usual way."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    originals = dict(handler)

    def create(logical_id, props, stack_name):
        if props.get("Metrics"):
            return props.get("AlarmName") or f"{stack_name}-{logical_id}", {}
        return originals["create"](logical_id, props, stack_name)

    def update(physical_id, old_props, new_props, *others):
        if old_props.get("Metrics") or new_props.get("Metrics"):
            return physical_id, {}
        return originals["update"](physical_id, old_props, new_props, *others)

    def delete(physical_id, props):
        if not props.get("Metrics"):
            originals["delete"](physical_id, props)

    handler.update(create=create, update=update, delete=delete)


def let_running_invocations_finish():
    """Takes a busy environment out of the pool, so that no new call reaches it, and ends it once its call is over."""
    retired = set()
    end_all = lambda_runtime.kill_workers
    release = lambda_runtime.release_worker

    def end_idle(workers):
        workers = [worker for worker in workers if worker is not None]
        with lambda_runtime._lock:
            busy = [worker for worker in workers if worker.in_use]
            retired.update(busy)
        end_all([worker for worker in workers if worker not in busy])

    def release_or_end(worker):
        release(worker)
        with lambda_runtime._lock:
            is_retired = worker in retired
            retired.discard(worker)
        if is_retired:
            end_all([worker])

    lambda_runtime.kill_workers = end_idle
    lambda_runtime.release_worker = lambda_svc.release_worker = release_or_end


def keep_a_ledger(path):
    """Writes down what happens to every message, in the order in which it happens."""
    lock = threading.Lock()
    ledger = open(path, "a", buffering=1)

    def note(what, queue, message):
        with lock:
            ledger.write(json.dumps({"what": what, "queue": queue, "message": message}) + "\n")

    def name_of(queue):
        return queue["attributes"]["QueueArn"].rsplit(":", 1)[1]

    def ids(queue):
        return {message["id"] for message in queue["messages"]}

    send, collect, sweep, delete = (
        sqs._act_send_message,
        sqs._collect_msgs,
        sqs._dlq_sweep,
        sqs._delete_messages_for_esm,
    )

    def noted_send(data, url):
        queue = sqs._get_q(data.get("QueueUrl", url))
        answer = send(data, url)
        # A duplicate is answered with the first one's id, and is no message of its own.
        is_new = bool(queue["messages"]) and queue["messages"][-1]["id"] == answer["MessageId"]
        note("sent" if is_new else "duplicate", name_of(queue), answer["MessageId"])
        return answer

    def noted_collect(queue, *others):
        messages = collect(queue, *others)
        for message in messages:
            note("received", name_of(queue), message["id"])
        return messages

    def noted_sweep(queue):
        before = ids(queue)
        sweep(queue)
        for message in before - ids(queue):
            note("dead", name_of(queue), message)

    def noted_delete(url, handles):
        queue = sqs._get_q(url)
        before = ids(queue)
        delete(url, handles)
        for message in before - ids(queue):
            note("deleted", name_of(queue), message)

    def noted_handler(action, what):
        handler = sqs._HANDLERS[action]

        def noted(data, url):
            queue = sqs._get_q(data.get("QueueUrl", url))
            before = ids(queue)
            answer = handler(data, url)
            for message in before - ids(queue):
                note(what, name_of(queue), message)
            return answer

        return noted

    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = noted_send
    sqs._collect_msgs = noted_collect
    sqs._dlq_sweep = noted_sweep
    sqs._delete_messages_for_esm = noted_delete
    sqs._HANDLERS["DeleteMessage"] = noted_handler("DeleteMessage", "deleted")
    sqs._HANDLERS["DeleteMessageBatch"] = noted_handler("DeleteMessageBatch", "deleted")
    sqs._HANDLERS["PurgeQueue"] = noted_handler("PurgeQueue", "purged")


def end_with_the_input():
    """Ends this process and the functions that it runs once nobody holds the other end of its input."""

    def wait():
        # Not through sys.stdin, whose lock would be held when the interpreter ends.
        while os.read(0, 1024):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    end_with_the_input()
    transform_nested_templates()
    keep_attributes_of_what_does_not_change()
    read_concurrency_as_a_number()
    take_alarms_by_metric_math()
    let_running_invocations_finish()
    keep_a_ledger(os.environ["REHEARSAL_LEDGER"])
    ministack.app.main()
