"""Offer one credential after the other to a server whose host key is verified, until it is content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import paramiko

from runicorn.errors import (
    AuthFailedError,
    ConnectionClosedError,
    ConnectionTimeoutError,
    NoCredentialsError,
)
from runicorn.remote.asking.question import Asker
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.paramiko import dead_links
from runicorn.remote.ssh.paramiko.conversation import EndlessError, HungUpError, Request, TooSlowError, converse
from runicorn.remote.ssh.paramiko.offers import Offers
from runicorn.remote.ssh.replies import Replies
from runicorn.remote.trust.target import Secret, Target

# How long a server may check a login: LDAP, or a push to a phone, which people are given 60 s for.
AUTH_TIMEOUT_SECS = 90.0


@dataclass
class Attempt:
    """One thing to show to the server, before it is and after.

    talk: returns the methods still needed. result: returns what was accepted, and how people call it. accepted: whether
    the server took it, as the whole login or a part of it.
    """

    method: str
    talk: Callable[[], list[str]]
    result: Callable[[], tuple[Login, str]]
    accepted: bool = False


def log_in(
    transport: paramiko.Transport,
    target: Target,
    offers: Offers,
    tell: Callable[[str], None],
    asker: Asker | None = None,
    hop: str = "",
) -> Login:
    """Offer one credential after the other until the server is content. A rejected one is never repeated, also not by
    another method: a wrong password counts once on the server, and accounts are locked after a few.

    tell: is told what is waited for, and at last what was accepted. asker: whoever answers what nothing was given for;
    without one, that is an error. hop: how the server is called to whom is asked, its host by default.
    Raises AuthFailedError, NoCredentialsError, InteractionRequiredError, what an Asker does, and the errors of a
    connection that breaks.
    """
    attempts = _Attempts(transport, target, offers, tell, asker, hop or target.host)
    with dead_links.noticed(transport.sock):
        return _go_through(attempts, transport, target, offers, tell)


def _go_through(
    attempts: _Attempts,
    transport: paramiko.Transport,
    target: Target,
    offers: Offers,
    tell: Callable[[str], None],
) -> Login:
    needed: list[str] = []
    accepted = Login()
    tried = False
    for attempt in attempts.all():
        tried = True
        if needed and attempt.method not in needed:
            continue
        try:
            needed = attempt.talk()
        except paramiko.BadAuthenticationType as error:
            needed = [str(name) for name in error.allowed_types]
            continue
        except paramiko.AuthenticationException:
            continue
        except TooSlowError:
            raise _too_slow(transport, target) from None
        except HungUpError as error:
            raise _hung_up(target, error) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _login_broke(target, error) from error
        attempt.accepted = True
        login, label = attempt.result()
        accepted = _merge(accepted, login)
        if not needed:
            tell(label)
            return accepted
    if tried:
        raise _refused(transport, target, offers, accepted, typed=attempts.typed)
    if not transport.is_active():
        raise ConnectionClosedError(f"{target.host} closed the connection during the login.")
    raise nothing_to_log_in_with(target.host, attempts.methods, offers.unusable)


class _Attempts:
    """What there is to show to this server in this login. hop: how it is called. methods: what it says it takes."""

    def __init__(
        self,
        transport: paramiko.Transport,
        target: Target,
        offers: Offers,
        tell: Callable[[str], None],
        asker: Asker | None,
        hop: str,
    ) -> None:
        self._transport = transport
        self._target = target
        self._offers = offers
        self._tell = tell
        self._asker = asker
        self._hop = hop
        self.methods: list[str] = []
        self._asked: list[Replies] = []

    @property
    def typed(self) -> bool:
        """Whether the server was sent what a person typed."""
        return any(each.asked for each in self._asked)

    def all(self) -> Iterator[Attempt]:
        """Yield each in turn. What comes later depends on what became of the earlier ones."""
        any_key = False
        for attempt in self._keys():
            any_key = True
            yield attempt
        password = self._offers.password
        if any_key and not password and self._asker is None:
            return
        # Nothing at all may be what the server asks for, as with an account without a password; else it says here
        # what it takes.
        try:
            self.methods = _methods(self._transport, self._target.username, self._tell)
        except TooSlowError:
            raise _too_slow(self._transport, self._target) from None
        if self._transport.is_authenticated():
            yield Attempt("none", list, lambda: (Login(), "nothing, which is all the server asks for"))
        elif password or self._asker:
            yield from self._typed(password, self.methods)

    def _keys(self) -> Iterator[Attempt]:
        for offer in self._offers.each_key():
            yield self._key(offer.key, offer.login, offer.label)

    def _typed(self, password: Secret | None, methods: list[str]) -> Iterator[Attempt]:
        """Yield the ways in which the server takes what is typed. Prompts first, as `ssh` does: a server that wants a
        code as well says so there, and refuses the right password where it is only sent.
        """
        if "keyboard-interactive" in methods or not methods:
            replies = self._replies(password)
            yield self._by_prompts(replies)
            if replies.sent:
                return
        if password or "password" in methods or not methods:
            sending = self._by_sending(self._replies(password))
            yield sending
            if sending.accepted and self._asker is not None:  # as a part: what is left is asked for
                yield self._by_prompts(self._replies(None))

    def _key(self, key: Any, login: Login, label: str) -> Attempt:
        talk = partial(self._talk, lambda talk, settled: talk.auth_publickey(self._target.username, key, settled), None)
        return Attempt("publickey", talk, lambda: (login, label))

    def _by_prompts(self, replies: Replies) -> Attempt:
        talk = partial(
            self._talk,
            lambda talk, settled: talk.auth_interactive(self._target.username, _unused, settled),
            lambda request: replies.to_prompts(request.name, request.instructions, request.prompts),
        )
        return Attempt("keyboard-interactive", talk, lambda: (replies.login(by_prompts=True), replies.label))

    def _by_sending(self, replies: Replies) -> Attempt:
        def talk() -> list[str]:
            password = replies.password()
            return self._talk(
                lambda talk, settled: talk.auth_password(self._target.username, password, settled),
                lambda request: [replies.new_password(request.instructions)],
            )

        return Attempt("password", talk, lambda: (replies.login(by_prompts=False), "password"))

    def _replies(self, password: Secret | None) -> Replies:
        still_there = self._transport.is_active
        replies = Replies(self._target, password, self._asker, self._hop, still_there, self._tell)
        self._asked.append(replies)
        return replies

    def _talk(self, begin: Callable[..., None], reply: Callable[[Request], list[str]] | None) -> list[str]:
        return converse(self._transport, begin, reply or _unexpected, self._tell)


def _unexpected(request: Request) -> list[str]:
    raise paramiko.SSHException("The server asks what nobody can be asked for.")


def _unused(title: str, words: str, prompts: list[tuple[str, bool]]) -> list[str]:
    raise AssertionError("questions are taken by the conversation")


def _merge(first: Login, second: Login) -> Login:
    """Join the parts of a login that needed several, such as a key and then a password."""
    return Login(
        key=second.key or first.key,
        key_path=second.key_path or first.key_path,
        agent_key=second.agent_key or first.agent_key,
        certificate=second.certificate or first.certificate,
        password=second.password or first.password,
        by_prompts=second.by_prompts or first.by_prompts,
        by_person=second.by_person or first.by_person,
    )


def _hung_up(target: Target, error: HungUpError) -> Exception:
    """Return what a connection that ended means: a refusal where the server had nothing else to wait for."""
    cause = error.__cause__
    if error.patient:
        return ConnectionClosedError(
            f"{target.host} closed the connection while it checked the login.",
            hint="Connect again; a server gives a login a limited time, often two minutes.",
        )
    if isinstance(cause, paramiko.AuthenticationException):
        return _cut_off(target)
    return _login_broke(target, cause if isinstance(cause, Exception) else error)


def _cut_off(target: Target) -> AuthFailedError:
    return AuthFailedError(
        f"{target.host} closed the connection after refused logins: too many authentication failures.",
        hint="Name the one key that this server knows, instead of trying all of the agent's.",
    )


def _login_broke(target: Target, error: Exception) -> Exception:
    if isinstance(error, EndlessError):
        return ConnectionClosedError(
            f"The login to {target.host} was given up: {error}.", hint="Ask its administrator what is wrong there."
        )
    if "Too many authentication failures" in str(error) or "No existing session" in str(error):
        return _cut_off(target)
    return ConnectionClosedError(f"{target.host} closed the connection during the login.")


def allowed_methods(transport: paramiko.Transport, username: str) -> list[str]:
    """Return the ways to log in that the server names, none if it names none. sshd does not count this as a try."""
    try:
        return _methods(transport, username, lambda words: None)
    except TooSlowError:
        return []


def _methods(transport: paramiko.Transport, username: str, tell: Callable[[str], None]) -> list[str]:
    """The same. Raises TooSlowError."""
    try:
        converse(transport, lambda talk, settled: talk.auth_none(username, settled), _unexpected, tell)
    except paramiko.BadAuthenticationType as error:
        return [str(name) for name in error.allowed_types]
    except (paramiko.SSHException, HungUpError, OSError, EOFError):
        pass
    return []


def _too_slow(transport: paramiko.Transport, target: Target) -> ConnectionTimeoutError:
    return ConnectionTimeoutError(
        f"{target.host} did not answer the login within {transport.auth_timeout:.0f} s.",
        hint="Connect again; the server, or whom it asks about logins, is slow or waits for a confirmation.",
    )


def _refused(
    transport: paramiko.Transport, target: Target, offers: Offers, accepted: Login, *, typed: bool
) -> AuthFailedError:
    allowed = allowed_methods(transport, target.username)
    part = "key" if accepted.key or accepted.agent_key else "password" if accepted.password else None
    if part:
        detail = f"{target.host} accepted the {part} of {target.username}, but wants more than that"
        detail += f": {', '.join(allowed)}." if allowed else "."
    else:
        detail = f"{target.host} did not accept this login for {target.username}."
        if allowed:
            detail += f" It would accept: {', '.join(allowed)}."
    gave_password = bool(offers.password) or typed
    hint = next_step(allowed, gave_key=offers.gave_key, gave_password=gave_password, part=part)
    if typed and not part:
        hint = "Connect again and check what you type; a code is good for a short time, and once."
    return AuthFailedError(" ".join([detail, *offers.unusable]), allowed=allowed, hint=hint)


def nothing_to_log_in_with(host: str, methods: Sequence[str], unusable: Sequence[str] = ()) -> NoCredentialsError:
    """Return the error for a login for which there is no key and no password. unusable: why keys cannot be used."""
    takes = [f"It takes: {', '.join(methods)}."] if methods else []
    return NoCredentialsError(" ".join([f"There is nothing to log in to {host} with.", *takes, *unusable]))


def next_step(allowed: Sequence[str], *, gave_key: bool, gave_password: bool, part: str | None) -> str | None:
    """Return what to do about a refused login, None where only the credential itself can be wrong.

    allowed: the methods that the server would still accept. part: what it accepted already, as half of a login.
    """
    takes_key = "publickey" in allowed
    takes_password = "password" in allowed or "keyboard-interactive" in allowed
    if takes_password and not gave_password and (part or not takes_key):
        return f"Give the password{' too' if part else ''}; this server wants one."
    if takes_key and not gave_key and (part or not takes_password):
        return f"Give a private key{' too' if part else ''}; this server wants one."
    if part and "keyboard-interactive" in allowed:
        return "This server also asks for something like a one-time code; use a login that needs none, such as a key."
    return None
