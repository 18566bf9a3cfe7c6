"""One request to log in and all that is said until it is settled: its questions go to the thread that logs in.

Paramiko asks its callback in the thread that reads, so nothing would be read while a person thinks, and it would not be
noticed that the server has hung up meanwhile; and it knows no change of an expired password (RFC 4252, section 8).
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import cMSG_USERAUTH_INFO_RESPONSE, cMSG_USERAUTH_REQUEST

from runicorn.remote.asking.question import readable

LOOK_SECS = 0.25
# From then on it is told that the server takes its time.
SLOW_AFTER_SECS = 2.0
SLOW = "waiting for the server: it checks the login"
MAX_BANNER_CHARS = 300
MAX_PROMPTS = 32
MAX_REQUESTS = 64


class HungUpError(Exception):
    """The connection ended in the middle of it. patient: a person was asked, or the server took its time."""

    def __init__(self, patient: bool) -> None:
        super().__init__("the connection ended during the login")
        self.patient = patient


class EndlessError(paramiko.SSHException):
    """The server asks for more than anybody would answer."""


class TooSlowError(Exception):
    """The server gave no answer within the transport's `auth_timeout`."""


@dataclass(frozen=True)
class Request:
    """What the server wants typed; `changes`: a new password instead of the one that was sent, and nothing else."""

    name: str
    instructions: str
    prompts: tuple[tuple[str, bool], ...]
    changes: bool = False


Begin = Callable[[AuthHandler, threading.Event], None]
Reply = Callable[[Request], list[str]]


def converse(transport: paramiko.Transport, begin: Begin, reply: Reply, tell: Callable[[str], None]) -> list[str]:
    """Return the methods that are still needed, none once the server is content.

    begin: sends the request. reply: returns the answers to each of the server's; it may take its time.
    Raises HungUpError, TooSlowError, what `reply` does, and paramiko's AuthenticationException for a refusal.
    """
    if not transport.is_active():
        raise HungUpError(patient=False) from paramiko.SSHException("No existing session")
    talk = _Talk(transport)
    talk.said = transport.get_banner()  # once, before the first of these
    transport.auth_handler = talk  # as its own methods do
    patient = False
    try:
        begin(talk, talk.settled)
        patient = talk.attend(reply, tell)
        return [str(name) for name in talk.wait_for_response(talk.settled)]
    except (paramiko.SSHException, OSError, EOFError) as error:
        if transport.is_active() or isinstance(error, paramiko.BadAuthenticationType):
            raise
        raise HungUpError(patient) from error
    finally:
        talk.password = None  # it is held for the life of the connection, once, by the login that came of it


class _Settled(threading.Event):
    """The event that Paramiko sets at the end, which wakes who waits for requests as well."""

    def __init__(self, inbox: queue.SimpleQueue[Request | None]) -> None:
        super().__init__()
        self._inbox = inbox

    def set(self) -> None:
        super().set()
        self._inbox.put(None)


class _Talk(AuthHandler):
    """Paramiko's handler of one request; what the server asks is put aside for the thread that logs in."""

    def __init__(self, transport: paramiko.Transport) -> None:
        super().__init__(transport)
        self._inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self.settled = _Settled(self._inbox)
        self.said: bytes | None = None

    def attend(self, reply: Reply, tell: Callable[[str], None]) -> bool:
        """Answer until it is settled. Returns whether it took long, or a person, since the last word of the server."""
        transport: Any = self.transport
        for _ in range(MAX_REQUESTS):
            patient, request = self._next(transport, tell)
            if request is None:
                return patient
            answers = reply(request)
            with contextlib.suppress(EOFError, OSError):  # gone: the end of it is seen at once
                transport._send_message(self._answer(request, answers))
        raise EndlessError(f"it asked {MAX_REQUESTS} times")

    def _next(self, transport: Any, tell: Callable[[str], None]) -> tuple[bool, Request | None]:
        began_at, told = time.monotonic(), False
        while True:
            with contextlib.suppress(queue.Empty):
                return told, self._inbox.get(timeout=LOOK_SECS)
            secs = time.monotonic() - began_at
            if not transport.is_active():
                return told, None
            if secs > transport.auth_timeout:
                raise TooSlowError
            if secs > SLOW_AFTER_SECS and not told:
                told = True
                tell(SLOW + self._banner())

    def _banner(self) -> str:
        """Return what the server says to everybody: some name the page there on which a login is to be confirmed."""
        text = (self.said or b"").decode("utf-8", "replace")
        return f"; it says: {readable(text, MAX_BANNER_CHARS)}" if text.strip() else ""

    def _parse_userauth_banner(self, message: paramiko.Message) -> None:
        self.said = message.get_binary()
        self.banner = self.said  # type: ignore[assignment]  # bytes, whatever the stubs say

    def _answer(self, request: Request, answers: list[str]) -> paramiko.Message:
        message = paramiko.Message()
        if request.changes:
            message.add_byte(cMSG_USERAUTH_REQUEST)
            for text in (self.username or "", "ssh-connection", "password"):
                message.add_string(text)
            message.add_boolean(True)
            message.add_string(self.password or "")
            message.add_string(answers[0])
            return message
        message.add_byte(cMSG_USERAUTH_INFO_RESPONSE)
        message.add_int(len(answers))
        for answer in answers:
            message.add_string(answer)
        return message

    def _parse_userauth_info_request(self, message: paramiko.Message) -> None:
        """Message 60: SSH_MSG_USERAUTH_INFO_REQUEST, or SSH_MSG_USERAUTH_PASSWD_CHANGEREQ for a password."""
        method = self.auth_method
        if method == "password":
            self._inbox.put(Request("", _text(message), (), changes=True))
            return
        if method != "keyboard-interactive":
            raise paramiko.SSHException("Illegal info request from server")
        name, instructions = _text(message), _text(message)
        message.get_binary()  # the language, which RFC 4256 calls deprecated
        count = message.get_int()
        if count > MAX_PROMPTS:
            raise EndlessError(f"it asked for {count} answers at once")
        prompts = tuple((_text(message), message.get_boolean()) for _ in range(count))
        self._inbox.put(Request(name, instructions, prompts))


def _text(message: paramiko.Message) -> str:
    return message.get_binary().decode("utf-8", "replace")
