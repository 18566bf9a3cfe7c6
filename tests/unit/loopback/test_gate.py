"""The gate: who is let in is handed on, others are answered and sent away, and nothing of theirs ends it."""

import contextlib
import errno
import os
import socket
import threading

import pytest

from runicorn.errors import OtherUserError
from runicorn.loopback import gate as gate_module
from runicorn.loopback import peers
from runicorn.loopback.gate import Gate
from runicorn.loopback.listening import listen
from runicorn.loopback.proof import opening

REFUSAL = b"HTTP/1.1 403 Forbidden\r\n\r\n"


class Opened:
    """A gate on a free port. admitted: what it let in. reply: what those who ask at a closed door are told."""

    def __init__(self, *, reply=None, listeners=None, opening=b""):
        self.admitted = []
        self.came = threading.Event()
        self.reply = reply
        self.gate = Gate(listeners or listen("127.0.0.1", 0), self.admit, lambda stranger: REFUSAL, opening=opening)
        self.port = self.gate._listeners[0].getsockname()[1]

    def admit(self, client):
        if self.reply is not None:
            self.gate.hear(client, self.reply)
            return
        self.admitted.append(client)
        self.came.set()

    def call(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@contextlib.contextmanager
def opened(**options):
    one = Opened(**options)
    try:
        yield one
    finally:
        one.gate.close()
        for client in one.admitted:
            client.close()


@pytest.fixture
def strangers(monkeypatch):
    """Everybody is a stranger."""
    monkeypatch.setattr(peers, "stranger", lambda sock: OtherUserError("somebody else"))


def read_all(sock):
    said = b""
    while piece := sock.recv(65536):
        said += piece
    return said


def test_this_user_is_let_in():
    with opened() as one, one.call() as client:
        assert one.came.wait(10)
        one.admitted[0].setblocking(True)
        client.sendall(b"hello")
        assert one.admitted[0].recv(5) == b"hello"


@pytest.mark.usefixtures("strangers")
def test_a_stranger_hears_why_also_after_sending_much():
    with opened() as one, one.call() as client:
        with contextlib.suppress(OSError):
            client.sendall(b"x" * 300_000)
        assert read_all(client) == REFUSAL
        assert one.admitted == []


@pytest.mark.usefixtures("strangers")
def test_strangers_hold_few_descriptors_however_many_they_are():
    with opened() as one, contextlib.ExitStack() as stack:
        for _ in range(3 * gate_module.MAX_LINGERING):
            stack.enter_context(one.call())
        with one.call() as last:
            assert read_all(last) == REFUSAL
        assert len(one.gate._lingering) <= gate_module.MAX_LINGERING


def test_who_says_nothing_is_answered_after_a_second(monkeypatch):
    monkeypatch.setattr(gate_module, "LINGER_SECS", 0.1)
    with opened(reply=lambda head: b"heard " + head) as one:
        with one.call() as silent:
            assert read_all(silent) == b"heard "
        with one.call() as asking:
            asking.sendall(b"this")
            assert read_all(asking) == b"heard this"


def test_an_answer_that_fails_costs_its_connection_only(monkeypatch):
    monkeypatch.setattr(gate_module, "LINGER_SECS", 0.1)

    def reply(head):
        if head != b"well":
            raise ValueError(head)
        return b"done"

    with opened(reply=reply) as one:
        for said in (b"badly", b""):
            with one.call() as client:
                client.sendall(said)
                with contextlib.suppress(ConnectionResetError):
                    assert read_all(client) == b""
        with one.call() as client:
            client.sendall(b"well")
            assert read_all(client) == b"done"


class Exhausted(socket.socket):
    """A listener for which no descriptor is left the first time."""

    failed = False

    def accept(self):
        if not self.failed:
            self.failed = True
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


def test_without_a_descriptor_left_it_goes_on_once_there_is_one():
    listener = Exhausted(socket.AF_INET)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    with opened(listeners=[listener]) as one, one.call():
        assert one.came.wait(10)
        assert listener.failed


def test_closing_frees_the_port_and_ends_the_thread():
    with opened() as one:
        one.gate.close()
        one.gate.close()
        assert not one.gate._thread.is_alive()
        with pytest.raises(ConnectionRefusedError):
            one.call()
        for sock in listen("127.0.0.1", one.port):
            sock.close()


OPENING = opening("a" * 64)
REQUEST = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def session(strangers):
    with opened(opening=OPENING) as one:
        yield one


def admitted(one):
    """Return what the one who was let in said."""
    assert one.came.wait(10)
    one.admitted[0].setblocking(True)
    one.admitted[0].settimeout(10)
    return one.admitted[0].recv(65536)


def test_a_stranger_who_begins_with_the_sessions_proof_is_let_in_and_the_proof_is_taken_off(session):
    with session.call() as client:
        client.sendall(OPENING + REQUEST)
        assert admitted(session) == REQUEST


def test_the_proof_may_come_in_pieces(session):
    with session.call() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(OPENING)):
            client.sendall(OPENING[at : at + 1])
        client.sendall(REQUEST)
        assert admitted(session) == REQUEST


@pytest.mark.parametrize(
    "said", [opening("b" * 64), OPENING[:-1] + b"x", OPENING.upper(), REQUEST, b"\n" + OPENING, b"runicorn-xx"]
)
def test_a_stranger_who_begins_with_anything_else_is_refused_at_once(session, said):
    with session.call() as client:
        client.sendall(said)
        assert read_all(client) == REFUSAL
    assert session.admitted == []


@pytest.mark.parametrize("said", [b"", OPENING[:5], OPENING[:-1]])
def test_a_stranger_who_says_no_more_is_refused_after_a_while(session, said, monkeypatch):
    monkeypatch.setattr(gate_module, "PROOF_SECS", 0.2)
    with session.call() as client:
        client.sendall(said)
        assert read_all(client) == REFUSAL


def test_a_stranger_who_hangs_up_amid_the_proof_leaves_nothing(session):
    with session.call() as client:
        client.sendall(OPENING[:5])
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == REFUSAL


def test_silent_strangers_in_any_number_hold_up_nobody_for_long(session, monkeypatch):
    monkeypatch.setattr(gate_module, "MAX_PROVING", 3)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(session.call()) for _ in range(10)]
        for client in silent[:7]:
            assert read_all(client) == REFUSAL  # the oldest ones go
        with session.call() as client:
            client.sendall(OPENING + REQUEST)
            assert admitted(session) == REQUEST


def test_this_user_needs_no_proof():
    with opened(opening=OPENING) as one, one.call() as client:
        client.sendall(REQUEST)
        assert admitted(one) == REQUEST
