"""How a person writes where runs are: a folder of this machine, `ssh://HOST/PATH`, or `HOST:PATH`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from runicorn.errors import UsageError

USUAL_ROOT = "~/runicorn_data"
_SCHEME = "ssh://"
_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|\Z)")
# As in scp: what is before the first colon is a host if no slash is in it; an IPv6 address stands in brackets.
_HOST_AND_PATH = re.compile(r"(?P<server>(?:[^:/\\\[\]]*@)?(?:\[[^\[\]/]+\]|[^:/\\\[\]]+)):(?P<path>.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class HostRoot:
    """A folder of a host. server: as a person types it for `ssh`. path: absolute, or from the home folder by a `~`.

    text: as it was given.
    """

    server: str
    path: str
    text: str

    @property
    def host(self) -> str:
        """What a person calls the machine: without user and port."""
        name = self.server.removeprefix(_SCHEME).rpartition("@")[2]
        if name.startswith("["):
            return name[1:].partition("]")[0]
        return name.partition(":")[0]


def parse_url(text: str) -> HostRoot | None:
    """Return what `ssh://[USER@]HOST[:PORT]/PATH` means; None where it is no such address.

    `/~/data` is in the home folder, `/data` is absolute; what no address can hold is written as `%20`. Without a path,
    it is where runs usually are. Raises UsageError where the host is missing.
    """
    if not text.lower().startswith(_SCHEME):
        return None
    server, _, path = text[len(_SCHEME) :].partition("/")
    if not server.rpartition("@")[2]:
        raise UsageError(f"In {text[:200]!r} the host is missing.", hint="Write it as ssh://HOST/~/data.")
    return HostRoot(_SCHEME + server, _url_path(unquote(path)), text)


def parse_place(text: str) -> HostRoot | None:
    """Return what parse_url() does, also for `[USER@]HOST:PATH`, as scp has it; None for a folder of this machine.

    A relative path is one from the home folder. Raises UsageError for a port in the place of a path.
    """
    found = parse_url(text)
    if found is not None or _DRIVE.match(text):
        return found
    match = _HOST_AND_PATH.match(text)
    if match is None:
        return None
    server, path = match["server"], match["path"]
    if re.fullmatch(r"[0-9]+", path):
        raise UsageError(
            f"{text[:200]!r} names a port and no folder.", hint=f"Write it as ssh://{server}:{path}/~/data."
        )
    return HostRoot(server, _from_home(path), text)


def _url_path(path: str) -> str:
    """Return what stands behind the slash after the host."""
    if not path:
        return USUAL_ROOT
    return path if path == "~" or path.startswith("~") else f"/{path}"


def _from_home(path: str) -> str:
    if not path:
        return USUAL_ROOT
    return path if path.startswith(("/", "~")) else f"~/{path}"
