"""The body of a request: none is too large, too slow or too strange for the viewer to go on as if nothing had been."""

import json
import re
import select
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

import runicorn as rn
from runicorn.settings import Settings
from runicorn.viewer import bodies
from runicorn.viewer.bodies import MAX_BODY_BYTES
from runicorn.viewer.guard import SECURITY_HEADERS

HUGE_BYTES = 300 * 2**20
# A body that may be sent is in memory a few times: as it came, joined, decoded.
MORE_MEMORY_BYTES = 24 * 2**20
PIECE = b'"' + b"x" * (2**20 - 1)


@pytest.fixture
def run(root):
    with rn.init(root=root) as run:
        pass
    return run


@pytest.fixture
def process(root, run, viewer_process):
    """A viewer process with one run: its psutil.Process and a client."""
    started, line = viewer_process(root)
    with httpx.Client(base_url=line.split()[-1], timeout=30) as client:
        client.get("/api/runs")  # all of it is loaded
        yield psutil.Process(started.pid), client


def most_memory(process):
    """Return the most memory that a process ever had, in bytes; what it has now where that is not told."""
    status = Path(f"/proc/{process.pid}/status")
    if sys.platform.startswith("linux"):
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) * 1024
    return process.memory_info().rss


def huge():
    for _ in range(HUGE_BYTES // len(PIECE)):
        yield PIECE


def assert_refused(answer, status=413, code="BODY_TOO_LARGE"):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json().keys() == {"detail", "code", "hint"}
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("told", [{"Content-Length": str(HUGE_BYTES)}, {}], ids=["Content-Length", "chunked"])
def test_a_huge_body_is_refused_and_takes_no_memory(process, run, told):
    viewer, client = process
    before = most_memory(viewer)
    headers = {"Content-Type": "application/json", **told}
    assert_refused(client.patch(f"/api/runs/{run.id}", content=huge(), headers=headers))
    assert most_memory(viewer) - before < MORE_MEMORY_BYTES
    assert client.get("/api/runs").json()["total"] == 1


def connected(viewer):
    return socket.create_connection(("127.0.0.1", viewer.port), timeout=10)


def head(viewer, run, *lines):
    parts = (f"PATCH /api/runs/{run.id} HTTP/1.1", f"Host: 127.0.0.1:{viewer.port}", "Content-Type: application/json")
    return "\r\n".join([*parts, *lines, "", ""]).encode()


def answer_of(client):
    """Return the status and the code of an answer, once the other side has closed the connection behind it."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:  # something was sent to it afterwards
        pass
    top, _, body = data.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]), json.loads(body)["code"]


@pytest.mark.parametrize("more", [(), ("Expect: 100-continue",)])
def test_a_length_that_is_too_much_is_refused_before_anything_of_it_came(run, viewer, more):
    with connected(viewer) as client:
        client.sendall(head(viewer, run, f"Content-Length: {MAX_BODY_BYTES + 1}", *more))
        assert answer_of(client) == (413, "BODY_TOO_LARGE")


def test_a_chunked_body_is_refused_at_the_byte_that_is_one_too_many(run, viewer):
    with connected(viewer) as client:
        client.sendall(head(viewer, run, "Transfer-Encoding: chunked"))
        chunk = b"x" * MAX_BODY_BYTES
        client.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(10)
        client.sendall(b"1\r\nx\r\n")
        started = time.monotonic()
        assert answer_of(client) == (413, "BODY_TOO_LARGE")
        assert time.monotonic() - started < 5  # though the body never ended


def test_a_body_without_end_is_refused_and_its_connection_closed(run, viewer):
    with connected(viewer) as client, pytest.raises((ConnectionError, TimeoutError)):
        client.sendall(head(viewer, run, "Transfer-Encoding: chunked"))
        ends_at = time.monotonic() + 20
        while time.monotonic() < ends_at:
            client.sendall(b"10000\r\n%b\r\n" % bytes(65536))
        pytest.fail("it was read to no end")


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 422), (MAX_BODY_BYTES + 1, 413)])
def test_the_limit_is_the_limit(run, viewer, size, status):
    content = b'{"name":"' + b"x" * (size - 11) + b'"}'
    assert len(content) == size
    answer = viewer.http.patch(f"/api/runs/{run.id}", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


def test_the_longest_note_there_may_be_is_taken_however_it_is_written(run, viewer):
    note = "\U0001f600" * 100_000
    content = json.dumps({"note": note})  # with \u escapes, 1.2 MB
    answer = viewer.http.patch(f"/api/runs/{run.id}", content=content, headers={"Content-Type": "application/json"})
    assert answer.json()["note"] == note


def test_a_body_that_trickles_holds_nobody_up_and_ends(root, run, serve, monkeypatch):
    monkeypatch.setattr(bodies.BodyLimit.__init__, "__kwdefaults__", {"body_secs": 3.0})
    with serve(Settings(root=root, home=root / "home", port=0)) as viewer:
        clients = [connected(viewer) for _ in range(60)]
        for client in clients:
            client.sendall(head(viewer, run, "Content-Length: 1000") + b"{")
        stop = threading.Event()

        def trickle():
            while not stop.wait(0.1):
                for client in clients:
                    try:
                        client.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert viewer.http.patch(f"/api/runs/{run.id}", json={"name": "new"}).json()["name"] == "new"
            assert not select.select(clients, [], [], 0)[0]  # while all of them were still sending
            assert answer_of(clients[0]) == (408, "BODY_TOO_SLOW")
        finally:
            stop.set()
            thread.join()
            for client in clients:
                client.close()


def test_a_client_that_goes_in_the_middle_of_a_body_is_no_failure(run, viewer, caplog):
    with connected(viewer) as client:
        client.sendall(head(viewer, run, "Content-Length: 1000") + b'{"name":')
    assert viewer.get("/api/runs")["total"] == 1
    assert not [record for record in caplog.records if record.name.startswith("runicorn")]


STRANGE = {
    "nested without end": b"[" * 1_000_000,
    "nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"name":' * 10_000 + b"1" + b"}" * 10_000,
    "nested in a field": b'{"note":' + b"[" * 900 + b"]" * 900 + b"}",
    "a text without end": b"[" * 200 + b'"' + b'\\"' * 1_000_000,
    "a number of many digits": b'{"archived":' + b"9" * 100_000 + b"}",
    "a number beyond all": b'{"archived":1e999999}',
    "no number": b'{"archived":NaN}',
    "half a character": b'{"archived":"\\ud800"}',
    "no UTF-8": b'{"name":"\xff\xfe"}',
    "UTF-16": '{"name":1}'.encode("utf-16"),
    "nothing": b" ",
    "a zero byte": b"\0",
    "a word": b"true",
    "an unknown field": b'{"unknown":1}',
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("path", ["/api/runs/{}", "/api/remote/connections/saved", "/api/remote/viewer/stop"])
def test_strange_json_is_the_fault_of_who_sent_it(run, remote_viewer, path, content):
    method = "PATCH" if "runs" in path else "POST"
    headers = {"Content-Type": "application/json"}
    answer = remote_viewer.http.request(method, path.format(run.id), content=content, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert answer.json().keys() == {"detail", "code", "hint"}


SAVED = {
    "deep": "[" * 900 + "]" * 900,
    "long": "9" * 4000,
    "infinite": "1e999",
    "NaN": "NaN",
    "half a character": '"\\ud800"',
    "zero byte": '"\\u0000"',
}


@pytest.mark.parametrize("extra", SAVED.values(), ids=SAVED)
def test_what_a_page_keeps_with_a_connection_comes_back_or_is_refused(run, remote_viewer, extra):
    content = f'[{{"host":"h","username":"u","extra":{extra}}}]'
    headers = {"Content-Type": "application/json"}
    path = "/api/remote/connections/saved"
    answer = remote_viewer.http.post(path, content=content, headers=headers)
    assert answer.status_code < 500, answer.text[:500]
    assert remote_viewer.http.get(path).status_code == 200


@pytest.mark.parametrize("depth", [bodies.MAX_DEPTH, bodies.MAX_DEPTH + 1])
def test_a_body_may_be_nested_as_deep_as_what_is_kept(run, remote_viewer, depth):
    words = ' "extra": "[[[[{{{{ \\" [[", "deep":'  # what stands in a text is no nesting
    deep = "[" * (depth - 2) + "]" * (depth - 2)
    answer = remote_viewer.http.post(
        "/api/remote/connections/saved",
        content=f'[{{"host":"h","username":"u",{words}{deep}}}]',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == (200 if depth <= bodies.MAX_DEPTH else 400), answer.text[:500]


@pytest.fixture
def remote_viewer(root, run, serve, tmp_path):
    from runicorn.remote.service import RemoteService
    from runicorn.viewer.routes.remote import RemoteApi

    def remote(chosen):
        return RemoteApi(RemoteService(chosen, tmp_path / "user"))

    with serve(Settings(root=root, home=tmp_path / "home", port=0), remote=remote) as viewer:
        yield viewer
