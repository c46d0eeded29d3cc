"""The simulated services, in a process of their own: `infra/twins` says what it understands."""

import contextlib
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from processes import running


class Twins:
    """Speaks to the process: a line in, a line out; what a service keeps is read from its own address."""

    def __init__(self, process):
        self._process = process
        self.services = json.loads(process.stdout.readline())

    def _say(self, line):
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        answer = self._process.stdout.readline().decode().strip()
        if not answer or answer == "what?":
            raise RuntimeError(f"the twins did not understand {line!r}")
        return answer

    def account(self, user):
        """Opens an account of that name at each service, and answers its token at ListenBrainz."""
        self._say(f"account {user}")
        return self._say(f"token {user}")

    def down(self, service):
        """Lets a service answer 503 to everything."""
        self._say(f"down {service}")

    def up(self, service):
        """Lets a service work again."""
        self._say(f"up {service}")

    def kept(self, service, user, what):
        """What a service keeps of a user, oldest first: ListenBrainz `listens`, Last.fm `scrobbles`."""
        with urllib.request.urlopen(self.services[service]["url"] + "/twin/state", timeout=5) as answer:
            state = json.load(answer)
        return state["users"].get(user, {}).get(what, [])

    def agree(self, service, query, user):
        """Says yes on the service's sign-in page, as a person does, and answers where that sends the browser."""
        page = self.services[service]["auth"] + "?" + query
        form = urllib.parse.urlencode({"user": user, "decision": "allow"}).encode()
        try:
            urllib.request.build_opener(Unled).open(page, form, timeout=5)
        except urllib.error.HTTPError as answer:
            if answer.code in (302, 303):
                return answer.headers["Location"]
            raise
        raise RuntimeError(f"{service}'s sign-in page leads nowhere")


class Unled(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: where it leads is what is asked for."""

    def redirect_request(self, *_):
        return None


@contextlib.contextmanager
def started(binary, log):
    """Runs the simulated services for the length of the block. They end with their input, so also if this is killed."""
    with running([binary], log, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Twins(process)
