"""Who may ask a viewer that listens on loopback."""

import json
import socket
import subprocess
import sys

import httpx
import pytest

import runicorn as rn
from runicorn.settings import Settings
from runicorn.viewer.guard import SECURITY_HEADERS

FETCH = """
import os, sys, http.client, encodings.idna, urllib.request, urllib.error
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""


def assert_headers(answer):
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value, name
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 403, "HOST_NOT_ALLOWED"),
        ({"Origin": "http://evil.example"}, 403, "ORIGIN_NOT_ALLOWED"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "ORIGIN_NOT_ALLOWED"),
    ],
)
def test_requests_from_elsewhere_are_refused(empty_viewer, headers, status, code):
    answer = empty_viewer.http.get("/api/runs", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert_headers(answer)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_forms_are_refused_before_anything_happens(viewer, root, method):
    with rn.init(root=root) as run:
        pass
    answer = viewer.http.request(
        method, f"/api/runs/{run.id}", content="name=x", headers={"Content-Type": "text/plain"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert not (run.dir / "notes.json").exists()
    assert_headers(answer)


@pytest.mark.parametrize(
    "path", ["/", "/api/health", "/api/runs", "/api/nope", "/openapi.json", "/api/series", "/api/remote/x"]
)
def test_every_answer_has_the_security_headers(empty_viewer, path):
    assert_headers(empty_viewer.http.get(path))


def test_a_preflight_is_no_invitation(empty_viewer):
    answer = empty_viewer.http.options(
        "/api/runs",
        headers={"Origin": f"http://127.0.0.1:{empty_viewer.port}", "Access-Control-Request-Method": "POST"},
    )
    assert answer.status_code == 405
    assert_headers(answer)


def test_a_request_without_a_host_is_refused(empty_viewer):
    with socket.create_connection(("127.0.0.1", empty_viewer.port), timeout=10) as client:
        client.sendall(b"GET /api/runs HTTP/1.0\r\n\r\n")
        assert client.recv(4096).split(b" ")[1] == b"403"


def test_allowed_names_are_served(root, serve):
    settings = Settings(root=root, home=root, port=0, allowed_hosts=("gpu.lab", "localhost:18080"))
    with serve(settings) as viewer:
        for host, status in (("gpu.lab", 200), ("localhost:18080", 200), ("localhost:18081", 403)):
            assert viewer.http.get("/api/health", headers={"Host": host}).status_code == status
        own = {"Host": "localhost:18080", "Origin": "http://localhost:18080", "Sec-Fetch-Site": "same-origin"}
        assert viewer.http.get("/api/health", headers=own).status_code == 200


def test_a_token_is_demanded_where_there_is_one(root, serve):
    with serve(Settings(root=root, home=root, port=0, token="s3cret")) as viewer:
        assert viewer.get("/api/health", 401)["code"] == "TOKEN_REQUIRED"
        assert httpx.get(f"http://127.0.0.1:{viewer.port}/api/health?token=wrong").status_code == 401
        assert viewer.http.get("/api/health", headers={"Authorization": "Bearer s3cret"}).status_code == 200
        assert viewer.http.get("/api/health", headers={"Authorization": "Bearer wrong"}).status_code == 401
        opened = viewer.http.get("/", params={"token": "s3cret"})
        assert opened.status_code == 200
        assert {"httponly", "samesite=strict"} <= {
            part.strip().lower() for part in opened.headers["set-cookie"].split(";")
        }
        assert viewer.http.get("/api/health").status_code == 200
        assert viewer.server.url.endswith("?token=s3cret")


def test_a_viewer_for_the_network_makes_a_token(root, serve):
    with serve(Settings(root=root, home=root, port=0, host="0.0.0.0")) as viewer:
        assert len(viewer.server.settings.token) >= 24
        assert viewer.http.get("/api/health").status_code == 401


def fetch_as(uid, url):
    """Return status and body of a GET that a process of another user makes."""
    done = subprocess.run(
        [sys.executable, "-c", FETCH, url, str(uid)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    status, _, body = done.stdout.partition(" ")
    return int(status), json.loads(body)


def test_another_user_of_the_machine_is_refused(empty_viewer, nobody):
    status, body = fetch_as(nobody, f"http://127.0.0.1:{empty_viewer.port}/api/runs")
    assert (status, body["code"]) == (403, "OTHER_USER")


def test_another_user_may_be_let_in(root, serve, nobody):
    with serve(Settings(root=root, home=root, port=0, allow_other_users=True)) as viewer:
        assert fetch_as(nobody, f"http://127.0.0.1:{viewer.port}/api/health")[0] == 200
