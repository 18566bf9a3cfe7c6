"""Offer one credential after the other to a server whose host key is verified, until it is content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import paramiko

from runicorn.errors import (
    AuthFailedError,
    ConnectionClosedError,
    ConnectionTimeoutError,
    InteractionRequiredError,
    NoCredentialsError,
)
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.paramiko.offers import Offers
from runicorn.remote.ssh.prompts import PasswordAnswer
from runicorn.remote.trust.target import Secret, Target

AUTH_TIMEOUT_SECS = 20.0


class Attempt(NamedTuple):
    """One thing to show to the server. label: how people call it. offer: returns the methods still needed."""

    method: str
    label: str
    login: Login
    offer: Callable[[paramiko.Transport, str], Any]


def log_in(transport: paramiko.Transport, target: Target, offers: Offers, tell: Callable[[str], None]) -> Login:
    """Offer one credential after the other until the server is content. A rejected one is never repeated, also not by
    another method: a wrong password counts once on the server, and accounts are locked after a few.

    Raises AuthFailedError, NoCredentialsError, InteractionRequiredError and the errors of a connection that breaks.
    """
    needed: list[str] = []
    accepted = Login()
    tried = False
    for attempt in _attempts(transport, target, offers):
        tried = True
        if needed and attempt.method not in needed:
            continue
        try:
            needed = list(attempt.offer(transport, target.username))
        except paramiko.BadAuthenticationType as error:
            needed = [str(name) for name in error.allowed_types]
            continue
        except paramiko.AuthenticationException as error:
            if "timeout" in str(error).lower():
                raise _login_broke(target, error) from error
            if not transport.is_active():
                raise _cut_off(target) from None
            continue
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _login_broke(target, error) from error
        accepted = _merge(accepted, attempt.login)
        if not needed:
            tell(attempt.label)
            return accepted
    if not tried:
        raise NoCredentialsError(" ".join([f"There is nothing to log in to {target.host} with.", *offers.unusable]))
    raise _refused(transport, target, offers, accepted)


def _attempts(transport: paramiko.Transport, target: Target, offers: Offers) -> Iterator[Attempt]:
    for offer in offers.each_key():
        yield Attempt("publickey", offer.label, offer.login, _offer_key(offer.key))
    if offers.credentials.password:
        yield from _password_attempts(transport, target, offers.credentials.password)


def _password_attempts(transport: paramiko.Transport, target: Target, password: Secret) -> Iterator[Attempt]:
    """Yield the ways in which the server takes a password. Prompts first, as `ssh` does: a server that wants a code as
    well says so there, and refuses the right password where it is only sent.
    """
    methods = allowed_methods(transport, target.username)
    if transport.is_authenticated():
        yield Attempt("none", "nothing, which is all the server asks for", Login(), lambda *_: [])
        return
    answer = PasswordAnswer(password, target)
    if "keyboard-interactive" in methods or not methods:
        yield Attempt(
            "keyboard-interactive",
            "password (keyboard-interactive)",
            Login(password=password, by_prompts=True),
            lambda t, user: t.auth_interactive(user, lambda _title, _words, prompts: answer.answer(prompts)),
        )
    if not answer.typed:
        yield Attempt("password", "password", Login(password=password), _offer_password(password, target))


def _offer_password(password: Secret, target: Target) -> Callable[[paramiko.Transport, str], Any]:
    def offer(transport: paramiko.Transport, user: str) -> Any:
        try:
            # Paramiko's own fall-back to prompts would type the password into whatever is asked.
            return transport.auth_password(user, password.reveal(), fallback=False)
        except paramiko.SSHException as error:
            if "info request" not in str(error):  # it took message 60 for one: SSH_MSG_USERAUTH_PASSWD_CHANGEREQ
                raise
            raise InteractionRequiredError(
                target.host, ["New password"], hint="Log in with `ssh` once and change the password."
            ) from error

    return offer


def _offer_key(key: Any) -> Callable[[paramiko.Transport, str], Any]:
    return lambda transport, user: transport.auth_publickey(user, key)


def _merge(first: Login, second: Login) -> Login:
    """Join the parts of a login that needed several, such as a key and then a password."""
    return Login(
        key=second.key or first.key,
        key_path=second.key_path or first.key_path,
        agent_key=second.agent_key or first.agent_key,
        certificate=second.certificate or first.certificate,
        password=second.password or first.password,
        by_prompts=second.by_prompts or first.by_prompts,
    )


def _cut_off(target: Target) -> AuthFailedError:
    return AuthFailedError(
        f"{target.host} closed the connection after refused logins: too many authentication failures.",
        hint="Name the one key that this server knows, instead of trying all of the agent's.",
    )


def _login_broke(target: Target, error: Exception) -> Exception:
    if "timeout" in str(error).lower():
        return ConnectionTimeoutError(f"{target.host} did not answer the login within {AUTH_TIMEOUT_SECS:.0f} s.")
    if "Too many authentication failures" in str(error) or "No existing session" in str(error):
        return _cut_off(target)
    return ConnectionClosedError(f"{target.host} closed the connection during the login.")


def allowed_methods(transport: paramiko.Transport, username: str) -> list[str]:
    """Return the ways to log in that the server names, none if it names none. sshd does not count this as a try."""
    try:
        transport.auth_none(username)
    except paramiko.BadAuthenticationType as error:
        return [str(name) for name in error.allowed_types]
    except (paramiko.SSHException, OSError, EOFError):
        pass
    return []


def _refused(transport: paramiko.Transport, target: Target, offers: Offers, accepted: Login) -> AuthFailedError:
    allowed = allowed_methods(transport, target.username)
    part = "key" if accepted.key or accepted.agent_key else "password" if accepted.password else None
    if part:
        detail = f"{target.host} accepted the {part} of {target.username}, but wants more than that"
        detail += f": {', '.join(allowed)}." if allowed else "."
    else:
        detail = f"{target.host} did not accept this login for {target.username}."
        if allowed:
            detail += f" It would accept: {', '.join(allowed)}."
    hint = next_step(allowed, gave_key=offers.gave_key, gave_password=bool(offers.credentials.password), part=part)
    return AuthFailedError(" ".join([detail, *offers.unusable]), allowed=allowed, hint=hint)


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
