"""Which requests the viewer serves."""

import pytest
from starlette.datastructures import Headers

from runicorn.errors import HostNotAllowedError, OriginNotAllowedError, UnsupportedMediaTypeError
from runicorn.viewer.guard import Rules, check_request

RULES = Rules(23300, ("gpu.lab", "localhost:18080"))
HERE = "127.0.0.1:23300"
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def check(method="GET", path="/api/runs", host=HERE, rules=RULES, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    check_request(rules, method, path, Headers({**({"host": host} if host is not None else {}), **named}))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:23300", "localhost:23300", "LOCALHOST:23300", "[::1]:23300", "gpu.lab", "GPU.lab:1", "localhost:18080"],
)
def test_these_names_are_this_viewers(host):
    check(host=host)


@pytest.mark.parametrize(
    "host",
    ["", None, "evil.example", "evil.example:23300", "localhost", "localhost:80", "127.0.0.1:23301", "evil.gpu.lab",
     "127.0.0.1.evil.io:23300", "localhost.evil.io:23300", "[::1]", "127.0.0.1:18080", "0.0.0.0:23300", "127.1:23300",
     "localhost:23300 evil", "user@localhost:23300", "localhost:"],
)  # fmt: skip
def test_these_names_are_not(host):
    with pytest.raises(HostNotAllowedError):
        check(host=host)


def test_two_host_headers_are_refused():
    headers = Headers(raw=[(b"host", HERE.encode()), (b"host", b"evil.example")])
    with pytest.raises(HostNotAllowedError):
        check_request(RULES, "GET", "/", headers)


def test_port_80_need_not_be_named():
    check(host="localhost", rules=Rules(80))


def test_the_viewers_own_origin_is_served():
    check(origin="http://127.0.0.1:23300", sec_fetch_site="same-origin")


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "http://127.0.0.1:8888", "http://localhost:23300", "https://127.0.0.1", ""],
)
def test_other_origins_are_refused(origin):
    with pytest.raises(OriginNotAllowedError):
        check(origin=origin)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_and_an_address_typed_in_are_served(site):
    check(sec_fetch_site=site)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_requests_of_other_sites_are_refused(site):
    with pytest.raises(OriginNotAllowedError):
        check(sec_fetch_site=site)


def test_a_link_to_the_page_may_be_followed():
    check(path="/", sec_fetch_site="cross-site", **NAVIGATION)


@pytest.mark.parametrize(
    ("method", "path", "changes"),
    [("GET", "/api/runs", {}), ("POST", "/", {}), ("GET", "/", {"sec-fetch-dest": "iframe"}),
     ("GET", "/", {"sec-fetch-mode": "no-cors"})],
)  # fmt: skip
def test_but_nothing_else_may_be_opened_from_another_site(method, path, changes):
    with pytest.raises(OriginNotAllowedError):
        check(method, path, sec_fetch_site="cross-site", **{**NAVIGATION, **changes})


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_bodies_are_read(kind):
    check("POST", content_length="5", content_type=kind)


@pytest.mark.parametrize(
    "headers",
    [{"content_length": "5"}, {"content_length": "5", "content_type": "text/plain"}, {"transfer_encoding": "chunked"},
     {"content_length": "5", "content_type": "application/x-www-form-urlencoded"},
     {"content_length": "5", "content_type": "application/json-patch"}],
)  # fmt: skip
def test_other_bodies_are_refused(headers):
    with pytest.raises(UnsupportedMediaTypeError):
        check("POST", **headers)


def test_a_post_without_a_body_needs_no_type():
    check("POST", content_length="0")
