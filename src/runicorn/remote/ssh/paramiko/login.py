"""Offer one credential after the other to a server whose host key is verified, until it is content."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paramiko

from runicorn.errors import AuthFailedError, ConnectionClosedError, ConnectionTimeoutError, NoCredentialsError
from runicorn.remote.ssh import keys
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.keys import UnlockedKey
from runicorn.remote.target import Credentials, Target

AUTH_TIMEOUT_SECS = 20.0


class Offers:
    """What may be shown to the server, in order: the named key, the agent's keys, default keys, the password."""

    def __init__(self, credentials: Credentials, home: Path) -> None:
        self.credentials = credentials
        self.keys: list[tuple[str | None, UnlockedKey]] = []
        self.unusable: list[str] = []
        if credentials.private_key:
            content = credentials.private_key.reveal().encode()
            self.keys.append((None, keys.unlock(content, credentials.passphrase)))
        elif credentials.private_key_path:
            path = credentials.private_key_path
            self.keys.append((path, keys.read_key_file(path, credentials.passphrase)))
        self.default_keys: list[tuple[str, UnlockedKey]] = []
        if not credentials.explicit:
            self.default_keys, errors = keys.try_default_keys(home)
            self.unusable = [error.detail for error in errors]

    def agent_keys(self) -> list[Any]:
        # A named key or password is what the person wants used; six agent keys first would use up MaxAuthTries.
        if not self.credentials.use_agent or self.credentials.explicit:
            return []
        try:
            return list(paramiko.Agent().get_keys())
        except (paramiko.SSHException, OSError, EOFError, ValueError):
            return []


def log_in(transport: paramiko.Transport, target: Target, offers: Offers, tell: Callable[[str], None]) -> Login:
    """Offer one credential after the other until the server is content. A rejected one is never repeated."""
    attempts = list(_attempts(offers))
    if not attempts:
        raise NoCredentialsError(" ".join([f"There is nothing to log in to {target.host} with.", *offers.unusable]))
    needed: list[str] = []
    accepted = Login()
    for method, label, login, attempt in attempts:
        if needed and method not in needed:
            continue
        try:
            needed = list(attempt(transport, target.username))
        except paramiko.BadAuthenticationType as error:
            needed = [str(name) for name in error.allowed_types]
            continue
        except paramiko.AuthenticationException:
            if not transport.is_active():
                raise _cut_off(target) from None
            continue
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _login_broke(target, error) from error
        accepted = _merge(accepted, login)
        if not needed:
            tell(label)
            return accepted
    raise _refused(transport, target, offers, accepted)


def _attempts(offers: Offers) -> Iterator[tuple[str, str, Login, Callable[[paramiko.Transport, str], Any]]]:
    for path, key in offers.keys:
        reusable = path if path and not key.was_encrypted else None
        yield "publickey", f"key {path or 'content'}", Login(key=key, key_path=reusable), _offer_key(_pkey(key))
    for agent_key in offers.agent_keys():
        blob = agent_key.asbytes()
        yield "publickey", f"agent key {agent_key.get_name()}", Login(agent_key=blob), _offer_key(agent_key)
    for default_path, key in offers.default_keys:
        yield "publickey", f"key {default_path}", Login(key=key, key_path=default_path), _offer_key(_pkey(key))
    password = offers.credentials.password
    if password:
        # Servers that only ask through keyboard-interactive get the password as their single answer.
        yield "password", "password", Login(password=password), lambda t, user: t.auth_password(user, password.reveal())
        yield (
            "keyboard-interactive",
            "password (keyboard-interactive)",
            Login(password=password),
            lambda t, user: t.auth_interactive(user, lambda _t, _i, prompts: [password.reveal() for _ in prompts]),
        )


def _offer_key(key: Any) -> Callable[[paramiko.Transport, str], Any]:
    return lambda transport, user: transport.auth_publickey(user, key)


def _merge(first: Login, second: Login) -> Login:
    """Join the parts of a login that needed several, such as a key and then a password."""
    return Login(
        key=second.key or first.key,
        key_path=second.key_path or first.key_path,
        agent_key=second.agent_key or first.agent_key,
        password=second.password or first.password,
    )


def _pkey(key: UnlockedKey) -> paramiko.PKey:
    classes: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
    return classes.get(key.key_type, paramiko.ECDSAKey).from_private_key(io.StringIO(key.text.reveal()))


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
    hint = next_step(allowed, gave_key=bool(offers.keys), gave_password=bool(offers.credentials.password), part=part)
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
