"""Who may ask: checks every request before it reaches a route, and puts security headers on every answer.

Other programs, other users and other web pages can all reach a loopback port. Host is checked against DNS rebinding,
Origin and Sec-Fetch-Site against requests from other pages, the body's type against forms, which need no preflight.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runicorn.errors import (
    GuardError,
    HostNotAllowedError,
    OriginNotAllowedError,
    RunicornError,
    TokenRequiredError,
    UnsupportedMediaTypeError,
)
from runicorn.viewer.bodies import BodyLimit, has_body
from runicorn.viewer.error_answers import error_response

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

SECURITY_HEADERS: Mapping[str, str] = {
    # uPlot sets style attributes; nothing else comes from anywhere but the viewer's own files.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Rules:
    """What the guard lets in. port: the viewer's own. allowed_hosts: further names, `name` or `name:port`.

    token: demanded where not None, as cookie, `?token=` or `Authorization: Bearer`.
    """

    port: int
    allowed_hosts: tuple[str, ...] = ()
    token: str | None = None

    @property
    def cookie(self) -> str:
        return f"runicorn_token_{self.port}"  # cookies know no ports, and several viewers share one name


def check_request(rules: Rules, method: str, path: str, headers: Headers, scheme: str = "http") -> None:
    """Raise the GuardError or UnsupportedMediaTypeError for a request that is not to be served; the token apart."""
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or not host_allowed(rules, host):
        raise HostNotAllowedError(f"This viewer does not answer to the name {host[:100]!r}.")
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in (f"{scheme}://{host.lower()}", f"https://{host.lower()}"):
        raise OriginNotAllowedError(f"Requests from {origin[:100]!r} are not served.")
    site = headers.get("sec-fetch-site", "none").lower()
    if site not in ("same-origin", "none") and not _is_navigation(method, path, headers):
        raise OriginNotAllowedError("Requests from other sites are not served.")
    if has_body(headers) and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaTypeError("The body of a request must be JSON.")


def host_allowed(rules: Rules, host: str) -> bool:
    """Tell whether a Host header names this viewer: loopback with its port, or a name that was allowed."""
    host = host.lower()
    name, port = split_host(host)
    if name in LOOPBACK_NAMES and (port or "80") == str(rules.port):
        return True
    return any(allowed.lower() in (host, name) for allowed in rules.allowed_hosts)


def split_host(host: str) -> tuple[str, str]:
    """Return name and port of `name:port`; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return host, ""
    return name, port


class Guard:
    """ASGI middleware: refuses what the rules do not let in; puts security headers on whatever is answered.

    Nothing of the body is read of what is not let in, and of what is, only as much as bodies.py allows.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = BodyLimit(app)
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        cookie: str | None = None

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    answer.setdefault(name, value)
                if cookie is not None:
                    answer.append("set-cookie", cookie)
            await send(message)

        try:
            headers = Headers(scope=scope)
            check_request(self._rules, scope["method"], scope["path"], headers, scope.get("scheme", "http"))
            cookie = self._check_token(headers, scope.get("query_string", b""))
        except (GuardError, UnsupportedMediaTypeError) as error:
            await self._refuse(error, scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _check_token(self, headers: Headers, query: bytes) -> str | None:
        """Return the cookie to set, if the token came in the address. Raises TokenRequiredError."""
        token = self._rules.token
        if token is None:
            return None
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _equal([bearer.strip()], token):
            return None
        if _equal(_cookie_values(headers, self._rules.cookie), token):
            return None
        if _equal(parse_qs(query.decode("latin-1")).get("token", []), token):
            return f"{self._rules.cookie}={token}; Path=/; HttpOnly; SameSite=Strict"
        raise TokenRequiredError("This viewer wants the token that it printed when it started.")

    @staticmethod
    async def _refuse(error: RunicornError, scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(error)
        response.headers["connection"] = "close"  # the body, if any, stays unread
        await response(scope, receive, send)


def _is_navigation(method: str, path: str, headers: Headers) -> bool:
    """Tell whether somebody followed a link to the page itself, which shows and changes nothing by being opened."""
    return (
        method in ("GET", "HEAD")
        and path == "/"
        and headers.get("sec-fetch-mode", "").lower() == "navigate"
        and headers.get("sec-fetch-dest", "").lower() == "document"
    )


def _cookie_values(headers: Headers, name: str) -> list[str]:
    pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [value for key, _, value in pairs if key == name]


def _equal(given: Iterable[str], token: str) -> bool:
    return any(hmac.compare_digest(value.encode(), token.encode()) for value in given)
