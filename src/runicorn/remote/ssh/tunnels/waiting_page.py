"""What the front door says while there is no link: an error for programs, a page that waits for people. Pure."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from http import HTTPStatus

from runicorn.errors import RunicornError

RETRY_AFTER_SECS = 1

# Not by <meta http-equiv="refresh">: to an address with a fragment that goes nowhere.
SCRIPT = f"setTimeout(() => location.reload(), {1000 * RETRY_AFTER_SECS})"

# Only what stands here is drawn and run, and nothing from elsewhere.
POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>◌ {server} · Runicorn</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 13px/1.45 system-ui, sans-serif;
  background: light-dark(#fff, #16181d); color: light-dark(#1c2024, #e6e8eb) }}
main {{ max-width: 480px; padding: 24px }}
h1 {{ font-size: 16px; margin: 0 0 8px }}
p {{ margin: 0 0 8px; color: light-dark(#5f6670, #9aa1ab) }}
code {{ font-family: ui-monospace, monospace; font-size: 12px }}
</style>
<main role="status">
<h1>The link to {server} is down</h1>
<p>It is being brought back, for as long as it takes. This page goes on by itself, at this address.</p>
<p>What is being tried stands beside the session on the Remote page of the viewer on this machine.</p>
<p><code>{code}</code></p>
</main>
<script>{script}</script>
</html>
"""


def asks_for_page(head: bytes) -> bool:
    """Whether the first bytes of a request are a browser's that opens a page."""
    return head.startswith(b"GET ") and bool(re.search(rb"(?im)^accept:[^\r\n]*text/html", head))


def html_answer(error: RunicornError, server: str) -> bytes:
    """Return the whole answer with the page; the browser asks again by itself."""
    page = PAGE.format(server=html.escape(server), script=SCRIPT, code=html.escape(error.code))
    return _answer(error, "text/html; charset=utf-8", page.encode(), f"Content-Security-Policy: {POLICY}\r\n")


def json_answer(error: RunicornError) -> bytes:
    """Return the whole answer with the error as the API gives it."""
    body = json.dumps({"detail": error.detail, "code": error.code, "hint": error.hint}).encode()
    return _answer(error, "application/json", body)


def _answer(error: RunicornError, kind: str, body: bytes, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {error.http_status} {HTTPStatus(error.http_status).phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: {RETRY_AFTER_SECS}\r\nCache-Control: no-store\r\n"
        f"X-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n"
    ).encode() + body
