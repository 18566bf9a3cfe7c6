"""How large and how deep the body of a request may be, and how long it may take: before a route sees it, it is whole.

What is too large is refused before it is in memory: at once where Content-Length says so, else at the byte that is one
too many. Then the rest is read and thrown away for a moment, because closing a connection with unread input sends a
reset, which can overtake the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runicorn.errors import BodyTooLargeError, BodyTooSlowError, RunicornError, UsageError
from runicorn.viewer.error_answers import error_response

# The largest that is meant: a note of 100,000 characters, each written as two escapes, is 1.2 MB; saved connections are
# kept up to 1 MiB.
MAX_BODY_BYTES = 2 * 2**20
# So much comes through in a minute over the slowest link that a page can still be used over.
BODY_SECS = 60.0
# What is nested deeper could exhaust the stack of whoever walks through it, as when it is looked through for secrets.
MAX_DEPTH = 100
_DRAIN_SECS = 2.0
# The end is optional, or each quote behind one that is never closed would be looked for to the end of the body.
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")


class BodyLimit:
    """ASGI middleware: reads the body before the app is called; refuses one that is too large, too slow or too deep.

    body_secs: how long all of a body may take.
    """

    def __init__(self, app: ASGIApp, *, body_secs: float = BODY_SECS) -> None:
        self._app = app
        self._body_secs = body_secs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not has_body(headers):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._whole(headers, receive)
        except (BodyTooLargeError, BodyTooSlowError) as error:
            await _refuse(error, scope, receive, send)
        except UsageError as error:  # all of it came: the connection is as good as before
            await error_response(error)(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _replaying(body, receive), send)

    async def _whole(self, headers: Headers, receive: Receive) -> bytes | None:
        """Return the body, None where the client is gone. Raises BodyTooLargeError, BodyTooSlowError, UsageError."""
        told = headers.get("content-length", "")
        if told.isdecimal() and int(told[:20]) > MAX_BODY_BYTES:
            raise _too_large()
        try:
            body = await asyncio.wait_for(_read(receive), self._body_secs)
        except asyncio.TimeoutError:
            raise BodyTooSlowError(
                f"The body of the request did not arrive within {self._body_secs:g} seconds."
            ) from None
        if body is not None and _is_deep(body):
            raise UsageError(f"The body of the request is nested more than {MAX_DEPTH} deep.")
        return body


def has_body(headers: Headers) -> bool:
    """Tell whether a request says that it has a body."""
    return headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in headers


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _is_deep(body: bytes) -> bool:
    """Tell whether JSON is nested too deeply; nothing else is asked of it here."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKET.findall(_TEXT.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _too_large() -> BodyTooLargeError:
    return BodyTooLargeError(f"The body of a request may have {MAX_BODY_BYTES} bytes.")


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body in one message, and then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def _refuse(error: RunicornError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, read on for a moment, and close the connection."""

    async def send_then_drain(message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last:
            await send({**message, "more_body": True})  # all of it: its length stands in its head
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(_drain(receive), _DRAIN_SECS)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    response = error_response(error)
    response.headers["connection"] = "close"
    await response(scope, receive, send_then_drain)


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
