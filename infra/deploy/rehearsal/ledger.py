"""Accounts for every message: what was sent has to be deleted, in the dead letters, or lost on purpose."""

import collections


def by_queue(entries):
    """Counts, a row a queue: each distinct message once a column, however often it was received."""
    rows = collections.defaultdict(lambda: collections.defaultdict(set))
    for entry in entries:
        rows[entry["queue"]][entry["what"]].add(entry["message"])
    return {queue: {what: len(messages) for what, messages in row.items()} for queue, row in sorted(rows.items())}


def unaccounted(entries):
    """The messages that were sent and of which nothing more is known: still queued, or lost by somebody's fault."""
    sent, ended = set(), set()
    for entry in entries:
        key = (entry["queue"], entry["message"])
        if entry["what"] == "sent":
            sent.add(key)
        elif entry["what"] in ("deleted", "dead", "purged"):
            ended.add(key)
    return sent - ended


def table(entries):
    """The rows as text, for people."""
    columns = ("sent", "duplicate", "received", "deleted", "purged", "dead")
    rows = [("queue", *columns)]
    for queue, counts in by_queue(entries).items():
        rows.append((queue, *(str(counts.get(column, 0)) for column in columns)))
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
