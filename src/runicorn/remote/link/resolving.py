"""What a person's names for servers mean on this machine: asked of their `ssh`, which may be none. Blocking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runicorn.remote.names import asking
from runicorn.remote.names.asking import NoAnswerError, SshAsker
from runicorn.remote.names.fallback import ParserAsker
from runicorn.remote.names.literal import literal_names
from runicorn.remote.names.typed import Typed, parse_typed
from runicorn.remote.names.way import Way, find_way
from runicorn.remote.ssh.interface import TunnelRefusedError
from runicorn.remote.ssh.program import find_ssh
from runicorn.remote.trust.target import Credentials, Target

DEFAULT_PORT = 22


@dataclass(frozen=True)
class Meant:
    """What a typed text means. target: as it goes into a connect: the name as it was typed, with user and port."""

    target: Target
    typed: Typed
    way: Way

    def credentials(self, key: str | None = None) -> Credentials:
        """Return what was typed with it of the login. key: a private key file that goes before a typed one."""
        typed = self.typed.identities[0] if self.typed.identities else None
        return Credentials(private_key_path=key or typed, jumps=self.typed.jumps)


class Resolver:
    """home: of the person, whose config counts. ssh_path: what RUNICORN_SSH_PATH names."""

    def __init__(self, home: Path, ssh_path: str | None) -> None:
        self._home = home
        self.ssh_path = ssh_path

    def meant(self, text: str) -> Meant:
        """Return what a typed text means. Raises InvalidTargetError, SshConfigError.

        Port 22 is what stands where nobody gave one: also where it was typed, the config may say another.
        """
        typed = parse_typed(text)
        if typed.port == DEFAULT_PORT:
            typed = replace(typed, port=None)
        way = self._find(typed)
        username = typed.username or way.last.target.username
        return Meant(Target.make(typed.host, typed.port or DEFAULT_PORT, username), typed, way)

    def way(self, target: Target, jumps: tuple[str, ...] | None = None) -> Way:
        """Return the way to a target, as meant() does."""
        port = None if target.port == DEFAULT_PORT else target.port
        return self._find(Typed(target.host, target.username, port, jumps))

    def names(self) -> list[str]:
        """Return the names that the person's config has, in its order."""
        return literal_names(self._home / ".ssh" / "config")

    def _find(self, typed: Typed) -> Way:
        machine = asking.this_machine(self._home)
        try:
            ssh = find_ssh(self.ssh_path)
            return find_way(typed, SshAsker(ssh, machine, asking.config_of(self._home)), "ssh -G")
        except (TunnelRefusedError, NoAnswerError):
            parser = ParserAsker(machine)
            return find_way(typed, parser, parser.name)
