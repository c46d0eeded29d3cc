"""Rehearses the deployment: `infra/deploy/rehearse` makes everything ready and calls this."""

import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import time
import traceback

import acts
import emulator
import ledger
import twins
from stack import Stack


def main():
    """Plays the acts one after the other; the first that fails is the last."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, what in (
        ("repository", "the checkout"),
        ("folder", "where logs and copies go; emptied first"),
        ("binaries", "a folder with <function>/bootstrap for this machine"),
        ("twins", "the simulated services' program"),
        ("emulator-python", "the python of the emulator's environment"),
        ("sam", "the sam program"),
    ):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True, help=what)
    given = parser.parse_args()
    # Whoever ends it ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    shown, failure = [], None
    with contextlib.ExitStack() as ends:
        services = ends.enter_context(twins.started(given.twins, given.folder / "twins.log"))
        aws = ends.enter_context(emulator.started(given.emulator_python, given.folder))
        stack = Stack(given.repository, given.folder, given.binaries, aws, given.sam)
        stage = acts.Stage(given.repository, aws, services, stack)
        for act in acts.ACTS:
            print(f"· {act.__doc__}", flush=True)
            began = time.monotonic()
            try:
                result = act(stage)
            except Exception:  # noqa: BLE001: told below, with where to look
                failure = traceback.format_exc()
                result = "FAILED"
            shown.append((act.__name__.replace("_", " "), f"{time.monotonic() - began:.1f} s", result))
            if failure:
                break
        messages = ledger.table(aws.ledger())
    print("\nMessages, each counted once in a column:\n" + messages)
    print("\nShown:")
    for name, seconds, result in shown:
        print(f"  {name:<14}{seconds:>8}  {result}")
    if failure:
        print(f"\n{failure}\nThe logs are in {given.folder}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
