"""What is said while there is no link."""

from __future__ import annotations

import json

import pytest

from runicorn.errors import LinkDownError
from runicorn.remote.ssh.tunnels import waiting_page

ERROR = LinkDownError("The link to gpu-7 is down.")
BROWSER = b"GET /#/runs HTTP/1.1\r\nHost: localhost:18080\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "page"),
    [
        (BROWSER, True),
        (BROWSER.replace(b"Accept:", b"accept:"), True),
        (BROWSER.replace(b"GET", b"POST"), False),
        (b"GET /api/live HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n", False),
        (b"GET /api/runs HTTP/1.1\r\nAccept: */*\r\n\r\n", False),
        (b"GET /text/html HTTP/1.1\r\nX: text/html\r\n\r\n", False),
        (b"", False),
        (b"\xff\x00", False),
    ],
)
def test_only_a_browser_that_opens_a_page_gets_one(head: bytes, page: bool) -> None:
    assert waiting_page.asks_for_page(head) is page


@pytest.mark.parametrize("answer", [waiting_page.json_answer(ERROR), waiting_page.html_answer(ERROR, '<b>&"gpu')])
def test_an_answer_is_whole_and_says_when_to_come_again(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.1 503 Service Unavailable"
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Retry-After"] == "1"
    assert headers["Cache-Control"] == "no-store"
    if headers["Content-Type"] == "application/json":
        assert json.loads(body)["code"] == "LINK_DOWN"
    else:
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert b"&lt;b&gt;&amp;&quot;gpu" in body
        assert b"<b>" not in body
