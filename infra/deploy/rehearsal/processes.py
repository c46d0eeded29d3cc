"""Processes of the rehearsal's own: started with a log file, ended with it, whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess


def free_port():
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, log, env=None, **streams):
    """Runs a command for the length of the block; its errors, and its output unless it is piped, go to `log`."""
    with open(log, "wb") as file:
        streams.setdefault("stdout", file)
        process = subprocess.Popen(command, env=env, stderr=file, start_new_session=True, **streams)
        try:
            yield process
        finally:
            end(process)


def end(process):
    """Ends a process and those that it started, which are in its group: kindly, and after ten seconds not."""
    for word in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, word)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
