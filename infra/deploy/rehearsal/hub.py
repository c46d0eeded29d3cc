"""The deployed hub as its callers see it: HTTP through API Gateway."""

import http.client
import json
import urllib.parse


class Hub:
    """Calls the deployed API. The emulator knows an API by the host's name, which need not resolve: it is a header."""

    def __init__(self, url, port, server_token):
        self._host = urllib.parse.urlsplit(url).netloc
        self._port = port
        self._server_token = server_token

    def call(self, method, path, body=None, headers=None):
        """Sends one request and answers with its status and what its body says, read as JSON where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=40)
        try:
            connection.request(method, path, body=body, headers={"Host": self._host, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode(errors="replace")

    def ask(self, method, path, body=None, user=None, token=None):
        """Calls the API as the server for one user, or by a user's own token; anything but a 2xx raises."""
        headers = {"Authorization": f"Bearer {token or self._server_token}", "Content-Type": "application/json"}
        if user:
            headers["X-User-Id"] = user
        text = None if body is None else json.dumps(body)
        status, answer = self.call(method, path, text, headers)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path} was answered {status}: {answer}")
        return answer

    def history(self, token):
        """All of a user's plays, page by page."""
        plays, cursor = [], None
        while True:
            query = urllib.parse.urlencode({"limit": 100, **({"cursor": cursor} if cursor else {})})
            page = self.ask("GET", f"/api/v1/scrobble/history?{query}", token=token)
            plays += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return plays


def multipart(field, text, boundary="rehearsal-boundary"):
    """A body as Plex posts it: JSON in a field of a form. Answers the body and its content type."""
    body = (
        f"--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n"
        f"Content-Type: application/json\r\n\r\n{text}\r\n--{boundary}--\r\n"
    )
    return body.encode(), f"multipart/form-data; boundary={boundary}"
