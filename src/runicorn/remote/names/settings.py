"""What `ssh -G` answers, as values, with the tokens expanded that it leaves. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runicorn.errors import SshConfigError

_UNSET = ("none", "")
_YES = ("yes", "true")
_ALGORITHMS = ("Ciphers", "MACs", "KexAlgorithms", "PubkeyAcceptedAlgorithms", "CASignatureAlgorithms")


@dataclass(frozen=True)
class Machine:
    """This machine and this person, as tokens name them. environ: for `${NAME}`."""

    home: Path
    username: str
    uid: int
    hostname: str
    environ: Mapping[str, str]


@dataclass(frozen=True)
class SshOnly:
    """What a config says of a name that only the system's `ssh` can do.

    control_path: where a connection of the person's own waits to be shared. algorithms: options that name some, as
    `ssh` says them.
    """

    gssapi: bool = False
    gssapi_delegates: bool = False
    pkcs11_provider: str | None = None
    security_key_provider: str | None = None
    control_path: str | None = None
    algorithms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a config says of one name. Paths are whole; None and () where it says nothing, or "none".

    host: what is dialled. proxy_jump: as it is written. proxy_command: with its tokens expanded, for a shell.
    identity_agent: a socket's path; "none" for no agent, None for the one of the environment.
    """

    host: str
    port: int
    username: str
    identities: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    identities_only: bool = False
    identity_agent: str | None = None
    host_key_alias: str | None = None
    known_hosts_files: tuple[str, ...] = ()
    proxy_jump: str | None = None
    proxy_command: str | None = None
    ssh_only: SshOnly = field(default_factory=SshOnly)


def parse_answer(text: str, name: str, machine: Machine) -> Settings:
    """Return the settings in an answer of `ssh -G`. name: what was asked for. Raises SshConfigError."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key.lower(), []).append(value.strip())
    return settings_of(said, name, machine)


def settings_of(said: Mapping[str, Sequence[str]], name: str, machine: Machine) -> Settings:
    """Return settings from options by their names in lower case. Raises SshConfigError."""

    def one(key: str) -> str | None:
        value = said[key][0] if said.get(key) else ""
        return None if value.lower() in _UNSET else value

    host, username = one("hostname") or name, one("user") or machine.username
    port = _port(one("port") or "22", name)
    alias = one("hostkeyalias")
    tokens = _tokens(name, host, port, username, alias, machine)

    def path(text: str) -> str:
        return expand_path(text, tokens, machine)

    agent = said["identityagent"][0] if said.get("identityagent") else None
    command = one("proxycommand")
    jump = one("proxyjump")

    def whole(key: str) -> str | None:
        value = one(key)
        return path(value) if value else None

    return Settings(
        host=host,
        port=port,
        username=username,
        identities=tuple(path(each) for each in said.get("identityfile", ()) if each.lower() not in _UNSET),
        certificates=tuple(path(each) for each in said.get("certificatefile", ()) if each.lower() not in _UNSET),
        identities_only=(one("identitiesonly") or "no") in _YES,
        identity_agent=_agent(agent, path, machine),
        host_key_alias=alias,
        known_hosts_files=_files([*said.get("userknownhostsfile", ()), *said.get("globalknownhostsfile", ())], path),
        proxy_jump=_expand(jump, {key: tokens[key] for key in "hnpr"}, "ProxyJump") if jump else None,
        proxy_command=_expand(command, {key: tokens[key] for key in "hnpr"}, "ProxyCommand") if command else None,
        ssh_only=SshOnly(
            gssapi=one("gssapiauthentication") in _YES,
            gssapi_delegates=one("gssapidelegatecredentials") in _YES,
            pkcs11_provider=whole("pkcs11provider"),
            security_key_provider=_provider(one("securitykeyprovider"), path),
            control_path=whole("controlpath"),
            algorithms=tuple((name, value) for name in _ALGORITHMS if (value := one(name.lower()))),
        ),
    )


def expand_path(text: str, tokens: Mapping[str, str], machine: Machine) -> str:
    """Return a path with `~`, `~user`, `${NAME}` and the tokens of ssh_config(5) expanded. Raises SshConfigError."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in machine.environ:
            raise SshConfigError(f"Your ssh config names ${{{match[1]}}}, which is not set here.")
        return machine.environ[match[1]]

    text = re.sub(r"\$\{([^}]*)\}", value, _expand(text, tokens, "a path"))
    if text == "~" or text.startswith("~/"):
        return str(machine.home) + text[1:]
    return str(Path(text).expanduser()) if text.startswith("~") else text


def _tokens(name: str, host: str, port: int, username: str, alias: str | None, machine: Machine) -> dict[str, str]:
    local = machine.hostname
    return {
        "h": host,
        "n": name,
        "p": str(port),
        "r": username,
        "d": str(machine.home),
        "u": machine.username,
        "i": str(machine.uid),
        "l": local,
        "L": local.split(".", 1)[0],
        "k": alias or name,
        # Newer versions add the jumps, which there are none of in most places where this is used.
        "C": hashlib.sha1(f"{local}{host}{port}{username}".encode(), usedforsecurity=False).hexdigest(),
        "j": "",
    }


def _expand(text: str, tokens: Mapping[str, str], what: str) -> str:
    def value(match: re.Match[str]) -> str:
        token = match[1]
        if token == "%":
            return "%"
        if token not in tokens:
            raise SshConfigError(f"Your ssh config has %{token} in {what}, which means nothing there.")
        return tokens[token]

    return re.sub(r"%(.?)", value, text)


def _agent(said: str | None, path: Callable[[str], str], machine: Machine) -> str | None:
    if said is None or said == "SSH_AUTH_SOCK":
        return None
    if said.lower() == "none":
        return "none"
    if said.startswith("$") and not said.startswith("${"):
        return machine.environ.get(said[1:]) or "none"
    return path(said)


def _provider(said: str | None, path: Callable[[str], str]) -> str | None:
    """Return a library for security keys; None for the one that ssh has itself, or the environment names."""
    return None if said is None or said == "internal" or said.startswith("$") else path(said)


def _files(said: Sequence[str], path: Callable[[str], str]) -> tuple[str, ...]:
    """Return the files of lists of files; those that ssh expanded may not be told apart where they hold blanks."""
    words = [word for each in said for word in each.split()]
    return tuple(path(word) for word in words if word.lower() not in _UNSET)


def _port(text: str, name: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise SshConfigError(f"Your ssh config gives {name} the port {text!r}, which is none.")
    return int(text)
