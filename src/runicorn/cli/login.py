"""How a person is let in to a server from a terminal: the questions about the host key, and after a refused login."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from runicorn.errors import AuthFailedError, HostKeyConfirmationError, RunicornError
from runicorn.remote.link.connections import RunBlocking
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Target

LOGIN_TRIES = 3
KEY_FILES = {
    "ssh-ed25519": "ssh_host_ed25519_key.pub",
    "ssh-rsa": "ssh_host_rsa_key.pub",
    **{f"ecdsa-sha2-nistp{bits}": "ssh_host_ecdsa_key.pub" for bits in (256, 384, 521)},
}


def key_file(key_type: str) -> str:
    """Return where a server keeps its public host key of this type."""
    return f"/etc/ssh/{KEY_FILES.get(key_type, 'ssh_host_ed25519_key.pub')}"


@dataclass
class Questions:
    """What is asked on the terminal, and only there: without one, or in a batch, the error stands."""

    target: Target
    host_keys: HostKeyFile
    run_blocking: RunBlocking
    batch: bool
    _tries: int = 0

    @property
    def there(self) -> bool:
        """Whether somebody can be asked."""
        return not self.batch and sys.stdin.isatty()

    async def about_host_key(self, error: HostKeyConfirmationError) -> None:
        """Have the person compare the key, and keep it once accepted. Raises the error if it is not."""
        self._require_terminal(error)
        await self.run_blocking(accept_by_person, error, self.host_keys)

    async def about_refusal(self, error: AuthFailedError) -> None:
        """Tell what was refused, so that the server may ask again. Raises it where that is no use."""
        self._require_terminal(error)
        self._tries += 1
        if self._tries >= LOGIN_TRIES or not {"password", "keyboard-interactive"} & {*error.allowed}:
            raise error
        typer.echo(f"{error.detail} Try again.", err=True)

    async def about_return(self, error: RunicornError) -> bool:
        """Wait until the person at the terminal wants to log in again; False where nobody can be asked."""
        if not self.there:
            return False
        typer.echo(f"{error.detail} {error.hint}\nPress Enter to log in again.", err=True)
        await self.run_blocking(sys.stdin.readline)
        return True

    def _require_terminal(self, error: RunicornError) -> None:
        if not self.there:
            raise error


def accept_by_person(error: HostKeyConfirmationError, host_keys: HostKeyFile) -> None:
    """Have the person at the terminal compare the key, and keep it once accepted. Raises the error if it is not."""
    _ask_about_host_key(error)
    names = ("host", "port", "key_type", "public_key", "fingerprint_sha256")
    host_keys.accept(*(error.payload[name] for name in names))


def _ask_about_host_key(error: HostKeyConfirmationError) -> None:
    """Show the key, which may be that of a host on the way, and let the person decide."""
    payload = error.payload
    host = payload["host"]
    if payload["reason"] == "changed":
        typer.echo(f"The host key of {host} HAS CHANGED. Somebody may be listening in.", err=True)
        typer.echo(f"  known:   {payload.get('expected_fingerprint_sha256', 'a key of another type')}", err=True)
    else:
        typer.echo(f"{host} port {payload['port']} is not known yet.", err=True)
    typer.echo(f"  offered: {payload['fingerprint_sha256']} ({payload['key_type']})", err=True)
    if "certified_by" in payload:
        by = payload["certified_by"]
        typer.echo(f"  your own {payload['known_in']} trusts who certified this key for it:", err=True)
        typer.echo(f"  {by['fingerprint_sha256']} ({by['key_type']}), as {by['key_id']!r}.", err=True)
    elif "known_in" in payload:
        typer.echo(f"  your own {payload['known_in']} holds this key for it.", err=True)
    elif "contradicted_in" in payload:
        typer.echo(f"  your own {payload['contradicted_in']} holds ANOTHER key for it.", err=True)
    typer.echo(f"Compare it on the server: ssh-keygen -lf {key_file(payload['key_type'])}", err=True)
    typer.echo(f"Type {host} to accept this key: ", nl=False, err=True)
    answer = sys.stdin.readline()  # not input(), which prints to standard output, where scripts read the address
    if answer.strip().lower() != host:
        raise error


@contextlib.contextmanager
def terminal_as_it_was() -> Iterator[None]:
    """Give the terminal its echo back, should a question for a password be cut short."""
    if sys.platform == "win32":  # which sets its console back by itself
        yield
        return
    import termios

    before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    try:
        yield
    finally:
        if before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
