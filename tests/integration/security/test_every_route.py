"""The guard stands before every route that the app has, now and later: the routes are asked from the app itself."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.watched import FakeSession, Watched, all_routes, run_watched

from runicorn.settings import Settings
from runicorn.viewer.app import create_app
from runicorn.viewer.guard import SECURITY_HEADERS

FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost.evil.example:{port}",
    "127.0.0.1.nip.io:{port}",
    "localhost:{port}@evil.example",
    "evil.example#localhost:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "0.0.0.0:{port}",
    "127.1:{port}",
    "localhost.:{port}",
    "",
)
FOREIGN_ORIGINS = (
    "http://evil.example",
    "http://evil.example:{port}",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://localhost:{port}",  # another name than the one that was asked
    "http://127.0.0.1:{port}.evil.example",
    "file://",
    "null",
    "",
)
FORM_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
    "application/jsonp",
    "application/json, text/plain",
    None,
)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    code: str | None


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One with all routes there are: remote support and those of a session.

    allow_other_users: so that a thousand connections are not each looked up in /proc; they are this user's anyway.
    """
    with run_watched(tmp_path_factory.mktemp("watched"), session=FakeSession(), allow_other_users=True) as running:
        yield running


def ask(viewer: Watched, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
    """Send exactly these headers, and Host where they have none; read no body that might never end."""
    connection = http.client.HTTPConnection("127.0.0.1", viewer.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if body is not None:
            headers = {"Content-Length": str(len(body)), **headers}
        for name, value in {"Host": f"127.0.0.1:{viewer.port}", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        is_json = names.get("content-type") == "application/json" and answer.status >= 400 and method != "HEAD"
        return Answer(answer.status, names, json.loads(answer.read())["code"] if is_json else None)
    finally:
        connection.close()


PROMISED_HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
}


def assert_headers(answer: Answer) -> None:
    assert answer.headers.keys() >= PROMISED_HEADERS
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get(name.lower()) == value, name
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def assert_refused(viewer: Watched, method: str, path: str, headers: dict[str, str], status: int, code: str) -> None:
    del viewer.reached[:]
    body = b"{}" if status == 415 else None
    answer = ask(viewer, method, path, headers, body)
    shown = f"{method} {path} with {headers}"
    assert answer.status == status, shown
    assert answer.code == code or method == "HEAD", shown
    assert_headers(answer)
    assert viewer.reached == [], shown


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")  # no real viewer has both kinds of session
def test_the_walk_sees_every_route(viewer: Watched) -> None:
    routes = all_routes(viewer.server.app)
    documented = {
        (method.upper(), path)
        for path, item in viewer.server.app.openapi()["paths"].items()
        for method in item
        if "{" not in path
    }
    assert documented <= set(routes)
    assert {("POST", "/api/remote/connect"), ("GET", "/api/runs"), ("GET", "/"), ("HEAD", "/x")} <= set(routes)


def test_a_foreign_host_reaches_no_route(viewer: Watched) -> None:
    for method, path in all_routes(viewer.server.app):
        for host in FOREIGN_HOSTS:
            headers = {"Host": host.format(port=viewer.port)}
            assert_refused(viewer, method, path, headers, 403, "HOST_NOT_ALLOWED")


def test_a_foreign_origin_reaches_no_route(viewer: Watched) -> None:
    for method, path in all_routes(viewer.server.app):
        for origin in FOREIGN_ORIGINS:
            headers = {"Origin": origin.format(port=viewer.port)}
            assert_refused(viewer, method, path, headers, 403, "ORIGIN_NOT_ALLOWED")


def test_another_site_reaches_no_route(viewer: Watched) -> None:
    for method, path in all_routes(viewer.server.app):
        for site in ("cross-site", "same-site", "Cross-Site", "future-value"):
            assert_refused(viewer, method, path, {"Sec-Fetch-Site": site}, 403, "ORIGIN_NOT_ALLOWED")


def test_a_link_from_another_site_opens_the_page_and_nothing_else(viewer: Watched) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(viewer, "GET", "/", link).status == 200
    for method, path in all_routes(viewer.server.app):
        if path != "/":
            assert_refused(viewer, method, path, link, 403, "ORIGIN_NOT_ALLOWED")
    for framed in ("iframe", "embed", "object", "empty"):
        assert_refused(viewer, "GET", "/", {**link, "Sec-Fetch-Dest": framed}, 403, "ORIGIN_NOT_ALLOWED")


def test_a_body_that_is_no_json_reaches_no_route(viewer: Watched) -> None:
    for method, path in all_routes(viewer.server.app):
        for kind in FORM_TYPES:
            headers = {} if kind is None else {"Content-Type": kind}
            assert_refused(viewer, method, path, headers, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_every_answer_of_every_route_has_the_security_headers(viewer: Watched) -> None:
    seen = set()
    own = {"Origin": f"http://127.0.0.1:{viewer.port}", "Sec-Fetch-Site": "same-origin"}
    for method, path in all_routes(viewer.server.app):
        # A list is no body that any route takes, so that nothing happens and all the same the route is asked.
        body = b"[0]" if method in ("POST", "PUT", "PATCH") else None
        for verb, content in ((method, body), ("OPTIONS", None), ("TRACE", None), ("BREW", None)):
            answer = ask(viewer, verb, path, {**own, "Content-Type": "application/json"}, content)
            assert_headers(answer)
            seen.add(answer.status)
    preflight = {**own, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    for _, path in all_routes(viewer.server.app):
        answer = ask(viewer, "OPTIONS", path, preflight)
        assert_headers(answer)
        assert answer.status == 405
    assert {200, 404, 405, 422} <= seen


def test_requests_that_begin_no_route_are_refused_as_well(viewer: Watched) -> None:
    for path in ("/api/nope", "//api/runs", "/%61pi/runs", "/api/../api/runs", "/nope", "*", "http://evil.example/"):
        assert_refused(viewer, "GET", path, {"Host": "evil.example"}, 403, "HOST_NOT_ALLOWED")
        assert_refused(viewer, "GET", path, {"Sec-Fetch-Site": "cross-site"}, 403, "ORIGIN_NOT_ALLOWED")


def test_what_is_refused_is_not_refused_by_the_routes_themselves(tmp_path: Path) -> None:
    """The counter counts: without the guard, the same requests do reach the routes."""
    with run_watched(tmp_path, guarded=False) as open_viewer:
        ask(open_viewer, "GET", "/api/runs", {"Host": "evil.example"})
        assert open_viewer.reached == ["GET /api/runs"]


def test_an_app_without_remote_support_guards_the_same_paths(tmp_path: Path) -> None:
    app = create_app(Settings(root=tmp_path, home=tmp_path, port=1))
    assert {("POST", "/api/remote/x"), ("GET", "/api/remote/x")} <= set(all_routes(app))
