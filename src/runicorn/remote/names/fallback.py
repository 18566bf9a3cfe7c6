"""Reads the person's ssh config where no `ssh` is there to ask: by AsyncSSH's parser, which knows less of it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runicorn.errors import SshConfigError
from runicorn.remote.names.settings import Machine, Settings, settings_of

# As `ssh` tries them by itself.
_DEFAULT_KEYS = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")
_LISTS = ("IdentityFile", "CertificateFile", "UserKnownHostsFile", "GlobalKnownHostsFile")
_WORDS = ("Hostname", "User", "Port", "IdentitiesOnly", "IdentityAgent", "HostKeyAlias", "ProxyJump", "ProxyCommand")


class ParserAsker:
    """See way.Ask. name: who answers; None where the parser is not installed, and every name means itself."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.name = "asyncssh" if find_spec("asyncssh") is not None else None

    def __call__(self, name: str, username: str | None, port: int | None) -> Settings:
        """Raises SshConfigError for a config that the parser does not understand."""
        try:
            from asyncssh.config import ConfigParseError, SSHClientConfig
        except ImportError:
            self.name = None
            return settings_of(_given(username, port), name, self._machine)
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
        return settings_of({"identityfile": list(_DEFAULT_KEYS), **said, **_given(username, port)}, name, self._machine)


def _given(username: str | None, port: int | None) -> dict[str, list[str]]:
    return {
        **({} if username is None else {"user": [username]}),
        **({} if port is None else {"port": [str(port)]}),
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
