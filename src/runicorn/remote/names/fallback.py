"""Reads the person's ssh config where no `ssh` is there to ask: by AsyncSSH's parser, which knows less of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runicorn.errors import RemoteUnavailableError, SshConfigError
from runicorn.remote.names.settings import Machine, Settings, settings_of

# As `ssh` tries them by itself.
_DEFAULT_KEYS = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")
_LISTS = ("IdentityFile", "CertificateFile", "UserKnownHostsFile", "GlobalKnownHostsFile")
_WORDS = ("Hostname", "User", "Port", "IdentitiesOnly", "IdentityAgent", "HostKeyAlias", "ProxyJump", "ProxyCommand")


class ParserAsker:
    """See way.Ask."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __call__(self, name: str, username: str | None, port: int | None) -> Settings:
        """Raises SshConfigError for a config that the parser does not understand."""
        try:
            from asyncssh.config import ConfigParseError, SSHClientConfig
        except ImportError as error:
            raise RemoteUnavailableError(f"The packages for SSH cannot be loaded: {error}.") from error
        config: Path = self._machine.home / ".ssh" / "config"
        try:
            options: Any = SSHClientConfig.load(
                None,
                [config] if config.is_file() else [],
                False,
                False,
                False,
                self._machine.username,
                username or (),
                name,
                port or (),
            )
        except (ConfigParseError, OSError, ValueError) as error:
            raise SshConfigError(
                f"Your ssh config cannot be read without ssh: {error}.", hint="Install ssh, which reads it as usual."
            ) from error
        said: dict[str, list[str]] = {}
        for key in (*_WORDS, *_LISTS):
            value = options.get(key)
            if value is not None and value != ():
                values = value if isinstance(value, list) else [value]
                said[key.lower()] = [_text(each) for each in values]
        said.setdefault("identityfile", list(_DEFAULT_KEYS))
        if username is not None:
            said["user"] = [username]
        if port is not None:
            said["port"] = [str(port)]
        return settings_of(said, name, self._machine)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
