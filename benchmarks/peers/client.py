"""A client of a viewer on this machine: one connection, JSON answers, and how many bytes they had."""

from __future__ import annotations

import http.client
import json
import struct
import urllib.parse
from typing import Any

TIMEOUT_SECS = 120


class Client:
    """Asks one viewer. known: what an earlier answer told and later questions need."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECS)
        self.bytes = 0
        self.known: list[str] = []

    def get(self, path: str, *, missing: Any = None) -> Any:
        """Return the JSON at a path; `missing` for an answer that is an error, where that is given."""
        return self._ask("GET", path, None, {}, missing)

    def form(self, path: str, fields: list[tuple[str, str]]) -> Any:
        return self._ask(
            "POST", path, urllib.parse.urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"}, {}
        )

    def call(self, name: str, **arguments: Any) -> Any:
        """Call a function of trackio's server by name."""
        body = json.dumps(arguments)
        return self._ask("POST", f"/api/{name}", body, {"Content-Type": "application/json"}, None)["data"]

    def frames(self, path: str, question: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the heads of the binary frames that answer a question of ours; see docs/reference/lines.md."""
        data = self._read("POST", path, json.dumps(question), {"Content-Type": "application/json"}, None)
        heads, at = [], 0
        while at < len(data):
            head_bytes, column_bytes = struct.unpack_from("<II", data, at)
            heads.append(json.loads(data[at + 8 : at + 8 + head_bytes]))
            at += 8 + head_bytes + column_bytes
        return heads

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str], missing: Any) -> Any:
        data = self._read(method, path, body, headers, missing)
        return missing if data is None else json.loads(data)

    def _read(self, method: str, path: str, body: str | None, headers: dict[str, str], missing: Any) -> Any:
        """Return the bytes of an answer; None for one that is an error, where `missing` stands for it."""
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        self.bytes = len(data)
        if answer.status != 200:
            if missing is not None:
                return None
            raise SystemExit(f"{path}: {answer.status} {data[:300]!r}")
        return data
