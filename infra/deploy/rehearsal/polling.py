"""Waiting for what takes its time: asked again and again until it is so, with a deadline, never blindly."""

import time


class NeverCame(AssertionError):
    """What was waited for did not come in time."""


def until(what, probe, seconds, every=0.2):
    """Asks `probe` until it answers something true, and returns that; after `seconds` it raises and names it.

    What a probe raises counts as "not yet": a server that is still starting refuses connections.
    """
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            answer = probe()
            if answer:
                return answer
            last = answer
        except Exception as error:  # noqa: BLE001: any failure is tried again until the deadline names the last one
            last = error
        if time.monotonic() >= deadline:
            raise NeverCame(f"not within {seconds} s: {what} (last: {last!r})")
        time.sleep(every)
