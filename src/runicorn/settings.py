"""Settings: defaults < config file < environment < flags, resolved by one pure function."""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn.errors import UsageError
from runicorn.regular_files import read_regular

DEFAULT_PORT = 23300
DEFAULT_GRACE_SECS = 600.0
DEFAULT_START_TIMEOUT_SECS = 60.0
LONGEST_START_TIMEOUT_SECS = 3600.0
CONFIG_FILE = "config.json"
_MAX_CONFIG_BYTES = 1024 * 1024


class TunnelChoice(enum.Enum):
    """Which tunnel backend carries a session: `AUTO` tries the others in this order."""

    AUTO = "auto"
    OPENSSH = "openssh"
    ASYNCSSH = "asyncssh"
    PARAMIKO = "paramiko"


class ConnectorChoice(enum.Enum):
    """What connects to servers: `AUTO` is Paramiko, and the system's `ssh` where that alone can."""

    AUTO = "auto"
    PARAMIKO = "paramiko"
    SSH = "ssh"


@dataclass(frozen=True)
class Settings:
    """Everything a person can set, made valid once.

    root: the storage root. home: the folder of known_hosts, saved connections and preferences.
    cache: what can be made again from the files; `cache` in home where none is given.
    port: 0 to 65535, where 0 means any free one. allowed_hosts: names accepted in the Host header besides loopback.
    token: demanded on every request when not None. grace_secs: how long a remote viewer outlives its link;
    None means for ever. start_timeout_secs: how long a remote viewer may take until it listens.
    """

    root: Path
    home: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    allowed_hosts: tuple[str, ...] = ()
    allow_other_users: bool = False
    token: str | None = None
    ssh_path: str | None = None
    tunnel: TunnelChoice = TunnelChoice.AUTO
    connector: ConnectorChoice = ConnectorChoice.AUTO
    grace_secs: float | None = DEFAULT_GRACE_SECS
    start_timeout_secs: float = DEFAULT_START_TIMEOUT_SECS
    cache: Path | None = None

    @property
    def cache_folder(self) -> Path:
        return self.cache or self.home / "cache"


def resolve(
    *,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    default_home: Path,
    user_home: Path | None,
    default_cache: Path | None = None,
    read_text: Any = None,
) -> Settings:
    """Return the settings that hold, each from its strongest source.

    flags: values given on the command line; None means not given. environ: the process environment.
    default_home: the platform's config folder. user_home: what `~` means, None where that is not known.
    default_cache: the platform's cache folder; a home of one's own has the cache in it, too.
    read_text: path -> text, raising FileNotFoundError; only tests pass one.
    Raises UsageError, naming the source, if a value cannot be used.
    """
    home = folder_of(environ.get("RUNICORN_HOME") or default_home, user_home)
    from_file = _config_file(home / CONFIG_FILE, read_text or _read_text)
    from_environ = {
        key: environ[name]
        for name, key in (
            ("RUNICORN_ROOT", "root"),
            ("RUNICORN_SSH_PATH", "ssh_path"),
            ("RUNICORN_TUNNEL", "tunnel"),
            ("RUNICORN_CONNECTOR", "connector"),
            ("RUNICORN_SESSION_GRACE_SECS", "grace_secs"),
            ("RUNICORN_START_TIMEOUT_SECS", "start_timeout_secs"),
        )
        if environ.get(name)
    }
    given = {key: value for key, value in flags.items() if value is not None}
    merged = {**from_file, **from_environ, **given}
    return Settings(
        root=folder_of(merged.get("root") or "~/runicorn_data", user_home),
        home=home,
        host=str(merged.get("host", "127.0.0.1")),
        port=_port(merged.get("port", DEFAULT_PORT)),
        allowed_hosts=tuple(merged.get("allowed_hosts", ())),
        allow_other_users=bool(merged.get("allow_other_users", False)),
        token=merged.get("token"),
        ssh_path=merged.get("ssh_path"),
        tunnel=_tunnel(merged.get("tunnel", "auto")),
        connector=_connector(merged.get("connector", "auto")),
        grace_secs=parse_grace(merged.get("grace_secs", DEFAULT_GRACE_SECS)),
        start_timeout_secs=_start_timeout(merged.get("start_timeout_secs", DEFAULT_START_TIMEOUT_SECS)),
        cache=None if environ.get("RUNICORN_HOME") or str(default_cache).startswith("~") else default_cache,
    )


def find_user_home() -> Path | None:
    """Return this user's home folder, or None for one without HOME or an entry, as in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def user_name() -> str:
    """Return this user's name, or number where the system knows no name."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # from Python 3.13 on an OSError
        return str(os.getuid()) if hasattr(os, "getuid") else "user"


def parse_grace(value: object) -> float | None:
    """Return seconds, or None for "never". Raises UsageError for anything else, or a negative number."""
    if value is None or str(value).strip().lower() == "never":
        return None
    try:
        secs = float(str(value))
    except ValueError:
        secs = -1.0
    if not 0 <= secs < float("inf"):
        raise UsageError(
            f"RUNICORN_SESSION_GRACE_SECS is {value!r}, which is no number of seconds.",
            hint="Give a number of seconds such as 600, or 0, or never.",
        )
    return secs


def _start_timeout(value: object) -> float:
    try:
        secs = float(str(value))
    except ValueError:
        secs = 0.0
    if not 1 <= secs <= LONGEST_START_TIMEOUT_SECS:
        raise UsageError(
            f"RUNICORN_START_TIMEOUT_SECS is {value!r}, which is no number of seconds from 1 to 3600.",
            hint="Give a number of seconds such as 60.",
        )
    return secs


def _read_text(path: Path) -> str:
    return read_regular(path, _MAX_CONFIG_BYTES).decode("utf-8")


def _config_file(path: Path, read_text: Any) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"The config file {path} cannot be used: {error}.", hint="Correct it or remove it.") from error
    if not isinstance(content, dict):
        raise UsageError(f"The config file {path} holds no JSON object.", hint="Correct it or remove it.")
    return content


def folder_of(value: str | Path, user_home: Path | None) -> Path:
    """Return the folder that a person names, `~` for their own. Raises UsageError where that is not known."""
    text = str(value)
    if text == "~" or text.startswith(("~/", "~\\")):
        if user_home is None:
            raise UsageError(
                f"This user has no home folder, so {text} cannot be found.",
                hint="Set HOME, or both RUNICORN_ROOT and RUNICORN_HOME to folders that can be written to.",
            )
        return user_home / text[2:]
    return Path(text).absolute()


def _port(value: object) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise UsageError(f"{value!r} is no port.", hint="Give a number from 0 to 65535; 0 picks a free one.")
    return port


def _tunnel(value: object) -> TunnelChoice:
    try:
        return TunnelChoice(str(value).strip().lower())
    except ValueError:
        names = ", ".join(choice.value for choice in TunnelChoice)
        raise UsageError(f"RUNICORN_TUNNEL is {value!r}.", hint=f"Use one of {names}.") from None


def _connector(value: object) -> ConnectorChoice:
    try:
        return ConnectorChoice(str(value).strip().lower())
    except ValueError:
        names = ", ".join(choice.value for choice in ConnectorChoice)
        raise UsageError(f"RUNICORN_CONNECTOR is {value!r}.", hint=f"Use one of {names}.") from None
