"""What the system's `ssh` is told for a tunnel: its arguments, our own config for the hops on the way. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runicorn.remote.names.way import Hop
from runicorn.remote.ssh import own_config
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.own_config import CONFIG
from runicorn.remote.trust import known_hosts

KNOWN_HOSTS = "known_hosts"
AGENT_SOCKET = "a"  # short: a Unix socket's path holds about 100 characters


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
        **own_config.BASE,
        "BatchMode": "yes",
        "UserKnownHostsFile": f"./{KNOWN_HOSTS}",
        "GlobalKnownHostsFile": "none",
        # Else ssh looks for the name that it makes of an address itself, and takes the key for an unknown one.
        "HostKeyAlias": hop.known_as.known_hosts_host,
        "HostKeyAlgorithms": ",".join(known_hosts.algorithms(key_types)),
        "ConnectTimeout": "15",
        "ControlPath": "none",
        "IdentitiesOnly": "yes",
        "Ciphers": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",  # 433 -> 589 MB/s
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


def child_environment(environ: Mapping[str, str], logins: Sequence[Login]) -> dict[str, str]:
    """Return the little that ssh needs; the agent's socket only where the agent's key was accepted."""
    names = ["PATH", "HOME", "USER", "LOGNAME", "SYSTEMROOT", "USERPROFILE", "TEMP", "TMP"]
    if any(login.agent_key for login in logins):
        names.append("SSH_AUTH_SOCK")
    return {name: environ[name] for name in names if name in environ} | {"LC_ALL": "C"}
