"""What the system's `ssh` is told for a tunnel: its arguments, our own config for the hops on the way. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runicorn.remote.names.way import Hop
from runicorn.remote.ssh.interface import Login
from runicorn.remote.trust import known_hosts

KNOWN_HOSTS = "known_hosts"
CONFIG = "config"
AGENT_SOCKET = "a"  # short: a Unix socket's path holds about 100 characters

# What stands in a config as it is, in every version of ssh.
_PLAIN = re.compile(r"[\w.@+-]+")


@dataclass(frozen=True)
class HopFiles:
    """What a hop's files are called. suffix: of the hops on the way their number, of the last one nothing."""

    suffix: str

    @property
    def agent(self) -> str:
        return f"{AGENT_SOCKET}{self.suffix}"

    @property
    def public_key(self) -> str:
        return f"id{self.suffix}.pub"

    @property
    def certificate(self) -> str:
        return f"id{self.suffix}-cert.pub"


def has_own_agent(login: Login) -> bool:
    """Whether ssh gets the key from an agent of ours: everywhere but on Windows, where it reads the file itself.

    Also a key that ssh could read: it refuses one whose file others may read, which the connection was made with.
    """
    return login.key is not None and sys.platform != "win32"


def options_for(hop: Hop, login: Login, files: HopFiles, key_types: tuple[str, ...]) -> dict[str, str]:
    """Return the options of one hop. key_types: what known_hosts holds of it.

    Files are named as they are called in the private folder, where ssh runs: it splits, expands and unquotes whatever
    path it is given, each option in its own way, and a TMPDIR with a blank, a quote, a colon or a percent sign would
    name other files.
    """
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f"./{KNOWN_HOSTS}",
        "GlobalKnownHostsFile": "none",
        # Else ssh looks for the name that it makes of an address itself, and takes the key for an unknown one.
        "HostKeyAlias": hop.known_as.known_hosts_host,
        "HostKeyAlgorithms": ",".join(known_hosts.algorithms(key_types)),
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "CheckHostIP": "no",
        "ServerAliveInterval": "30",
        "ServerAliveCountMax": "3",
        "ConnectTimeout": "15",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "ControlPath": "none",
        "RequestTTY": "no",
        "IdentitiesOnly": "yes",
        "Ciphers": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",  # 433 -> 589 MB/s
        "LogLevel": "INFO",
    }
    if hop.proxy_command is not None:
        options["ProxyCommand"] = hop.proxy_command.replace("%", "%%")
    if login.certificate:
        options["CertificateFile"] = f"./{files.certificate}"
    if login.key and not has_own_agent(login):
        return {**options, "IdentityAgent": "none", "IdentityFile": str(Path(login.key_path or "").expanduser())}
    agent = {"IdentityAgent": f"./{files.agent}"} if login.key else {}
    return {**options, **agent, "IdentityFile": f"./{files.public_key}"}


def command(
    ssh: str, hop: Hop, login: Login, *, forward: str, key_types: tuple[str, ...], jump: str | None = None
) -> list[str]:
    """Return the argument list, to be run in the private folder. forward: what -L takes. key_types: what its
    known_hosts holds. jump: the hop before, as our config calls it.

    No user or system configuration is read, so that nothing there can run commands, forward more, or accept keys.
    """
    target = hop.target
    options = {
        **options_for(hop, login, HopFiles(""), key_types),
        "ExitOnForwardFailure": "yes",
        "StreamLocalBindMask": "0177",
        "StreamLocalBindUnlink": "yes",
        **({"ProxyJump": jump} if jump else {}),
    }
    config = f"./{CONFIG}" if jump else "none"
    arguments = [ssh, "-F", config, "-N", "-T", "-L", forward, "-p", str(target.port)]
    identity = options.pop("IdentityFile")
    for name, value in options.items():
        arguments += ["-o", f"{name}={value}"]
    return [*arguments, "-i", identity, "-l", target.username, "--", target.host]


def config_block(number: int, hop: Hop, options: Mapping[str, str]) -> str:
    """Return what our config says of a hop on the way, for the `ssh` that ssh itself starts for each."""
    lines = {"HostName": hop.target.host, "Port": str(hop.target.port), "User": hop.target.username, **options}
    if number:
        lines["ProxyJump"] = hop_name(number - 1)
    return "".join([f"Host {hop_name(number)}\n", *(f"  {name} {value}\n" for name, value in lines.items())])


def hop_name(number: int) -> str:
    """Return what our config calls a hop on the way, counted from here."""
    return f"hop{number}"


def child_environment(environ: Mapping[str, str], logins: Sequence[Login]) -> dict[str, str]:
    """Return the little that ssh needs; the agent's socket only where the agent's key was accepted."""
    names = ["PATH", "HOME", "USER", "LOGNAME", "SYSTEMROOT", "USERPROFILE", "TEMP", "TMP"]
    if any(login.agent_key for login in logins):
        names.append("SSH_AUTH_SOCK")
    return {name: environ[name] for name in names if name in environ} | {"LC_ALL": "C"}


def holds_in_config(hop: Hop) -> bool:
    """Whether our config can name this hop on the way: not a user that has to be quoted, each version in its way."""
    return _PLAIN.fullmatch(hop.target.username) is not None
