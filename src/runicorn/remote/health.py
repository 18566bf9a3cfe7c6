"""One question through a session's own port: is the right viewer there? Blocking, with a limit."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass

HEALTH_TIMEOUT_SECS = 10.0
ANSWER_LIMIT_BYTES = 64 * 1024


class UnhealthyError(Exception):
    """No answer, or not from this session. Its text says which."""


@dataclass(frozen=True)
class Health:
    """rtt_ms: from the request to the answer, tunnel and viewer included."""

    version: str
    rtt_ms: float


def ask(local_port: int, session_id: str, timeout_secs: float = HEALTH_TIMEOUT_SECS) -> Health:
    """Return the health of the session behind this port; the question also keeps the remote viewer alive.

    Raises UnhealthyError.
    """
    began_at = time.monotonic()
    answer = _request(local_port, "GET", f"/api/health?session={session_id}", None, timeout_secs)
    rtt_ms = (time.monotonic() - began_at) * 1000
    if answer.get("session_id") != session_id:
        raise UnhealthyError("another program answers on the server's port")
    return Health(str(answer.get("version")), rtt_ms)


def ask_to_stop(local_port: int, session_id: str, timeout_secs: float = 2.0) -> None:
    """Ask the viewer behind this port to exit. Raises UnhealthyError."""
    body = json.dumps({"session_id": session_id}).encode()
    _request(local_port, "POST", "/api/session/stop", body, timeout_secs)


def _request(port: int, method: str, path: str, body: bytes | None, timeout_secs: float) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_secs)
    headers = {"Host": f"localhost:{port}", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        content = response.read(ANSWER_LIMIT_BYTES)
        if response.status != 200:
            raise UnhealthyError(f"the answer was {response.status}")
        answer = json.loads(content)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnhealthyError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise UnhealthyError("the answer makes no sense")
    return answer
