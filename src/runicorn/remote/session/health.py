"""Questions through a session's own port: is the right viewer there? Blocking, with a limit."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from runicorn.errors import OtherUserError
from runicorn.remote.server.launch import Started

HEALTH_TIMEOUT_SECS = 10.0
ANSWER_LIMIT_BYTES = 64 * 1024

# What a connection that was idle for long raises when the other side has closed it meanwhile.
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class UnhealthyError(Exception):
    """No answer, or not from this session. Its text says which."""


class RefusedError(UnhealthyError):
    """The server's viewer takes what comes through the tunnel for another user's."""


@dataclass(frozen=True)
class Health:
    """rtt_ms: from the request to the answer, tunnel and viewer included."""

    version: str
    rtt_ms: float


class Line:
    """A connection to the session's viewer, kept so that a question is one round trip. For one thread at a time.

    started: who must answer: a viewer that bears the session's id but is another process is not the one.
    """

    def __init__(self, local_port: int, session_id: str, started: Started) -> None:
        self._port = local_port
        self._session_id = session_id
        self._started = started
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, timeout_secs: float = HEALTH_TIMEOUT_SECS, first_timeout_secs: float | None = None) -> Health:
        """Return the viewer's health; the question also keeps it alive. Raises UnhealthyError.

        first_timeout_secs: the limit where the connection is not there yet, which takes a round trip more.
        """
        began_at = time.monotonic()
        if self._connection is None:
            timeout_secs = max(timeout_secs, first_timeout_secs or 0.0)
        answer = self._request("GET", f"/api/health?session={self._session_id}", None, timeout_secs)
        rtt_ms = (time.monotonic() - began_at) * 1000
        if answer.get("session_id") != self._session_id:
            raise UnhealthyError("another program answers on the server's port")
        if (answer.get("pid"), answer.get("started_at")) != (self._started.pid, self._started.started_at):
            raise UnhealthyError("another viewer than the one that was started answers")
        return Health(str(answer.get("version")), rtt_ms)

    def tell(self, link: dict[str, Any], timeout_secs: float = HEALTH_TIMEOUT_SECS) -> None:
        """Describe the link to the viewer's page. Raises UnhealthyError."""
        self._request("POST", "/api/session/link", {"session_id": self._session_id, "link": link}, timeout_secs)

    def stop(self, timeout_secs: float = 2.0) -> None:
        """Ask the viewer to exit. Raises UnhealthyError."""
        self._request("POST", "/api/session/stop", {"session_id": self._session_id}, timeout_secs)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, method: str, path: str, body: Any, timeout_secs: float) -> dict[str, object]:
        try:
            if self._connection is not None:
                try:
                    return self._exchange(self._connection, method, path, body, timeout_secs)
                except _STALE:
                    self.close()
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_secs)
            return self._exchange(self._connection, method, path, body, timeout_secs)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise UnhealthyError(str(error) or type(error).__name__) from error
        except UnhealthyError:
            self.close()
            raise

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any, timeout_secs: float
    ) -> dict[str, object]:
        headers = {"Host": f"localhost:{self._port}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if connection.sock is not None:
            connection.sock.settimeout(timeout_secs)
        connection.request(method, path, body=None if body is None else json.dumps(body).encode(), headers=headers)
        response = connection.getresponse()
        content = response.read(ANSWER_LIMIT_BYTES)
        if response.status == OtherUserError.http_status and OtherUserError.code.encode() in content:
            raise RefusedError(f"it was taken for another user's: the answer was {response.status}")
        if response.status != 200:
            raise UnhealthyError(f"the answer was {response.status}")
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise UnhealthyError("the answer makes no sense")
        return answer
