"""The command that becomes the agent, or another program of ours: finds a Python, and reads the program there."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from runicorn.remote.server.shell import MAX_COMMAND_CHARS, deliver

# What the command ends with where no Python of the host is new enough.
NO_PYTHON = 97
# What a Python ends with that is not, and an agent that was not sent whole.
_TOO_OLD, _CUT = 98, 99

# In the order in which they are tried; the places of environments last.
_PYTHONS = (
    "python3",
    "/usr/bin/python3",
    "/usr/libexec/platform-python",
    *(f"python3.{minor}" for minor in range(13, 5, -1)),
    "~/*conda*/bin/python3",
    "~/.pyenv/versions/3*/bin/python3",
    "/opt/*/bin/python3",
    "python",
)

# It ends with 1 or 2 where it does not even begin, as one without its library, or one that knows no -I. By -B, it keeps
# nothing of what it imports.
_LOOP = """\
for p in {pythons};do "$p" -IBuc '{code}';s=$?
case $s in 1|2|{too_old}|126|127);;*)exit $s;;esac;done;exit {no_python}
"""

_CODE = """\
import sys
if sys.version_info<(3,6):sys.exit({too_old})
import os,zlib
os.write(1,b"{marker}\\n")
b=b""
while len(b)<{length}:
 c=os.read(0,{length}-len(b))
 c or sys.exit({cut})
 b+=c
exec(zlib.decompress(b))
"""


# The files of the program: what is imported by another one of them comes before it, and the one that runs last.
_PARTS = ("condensing", "folders", "watch", "program")
# Makes a module of a part, which is found by the name that it has here.
_PART = """\
import sys,types
m=sys.modules[{name!r}]=types.ModuleType({name!r})
exec(compile({source!r},{name!r},"exec"),m.__dict__)
"""


@cache
def packed_program() -> bytes:
    """Return the agent's program as it is sent."""
    return packed(__name__.rpartition(".")[0], _PARTS)


def packed(package: str, parts: Sequence[str]) -> bytes:
    """Return a program made of files of a package, as it is sent. parts: each behind those that it imports; in the last
    one, main() runs.
    """
    folder = Path(__file__).parents[3].joinpath(*package.split(".")[1:])
    sources = {f"{package}.{part}": (folder / f"{part}.py").read_text("utf-8") for part in parts}
    modules = [_PART.format(name=name, source=source) for name, source in sources.items()]
    return zlib.compress("".join([*modules, "m.main()\n"]).encode(), 9)


def command(marker: str, program: bytes | None = None, within: str = "") -> str:
    """Return what to run, whatever the login shell is. marker: what the program, by default the agent's, says once it
    is read. within: what runs the words behind it somewhere else; there, only `python3` is tried.
    """
    length = len(packed_program() if program is None else program)
    code = _CODE.format(marker=marker, length=length, too_old=_TOO_OLD, cut=_CUT)
    if within:
        script = f"exec {within} python3 -IBuc '{code.strip()}'\n"
    else:
        script = _LOOP.format(pythons=" ".join(_PYTHONS), code=code.strip(), too_old=_TOO_OLD, no_python=NO_PYTHON)
    found, stdin = deliver(script.encode())
    assert not stdin, f"longer than {MAX_COMMAND_CHARS} characters, so that a shell would read what is for the agent"
    return found
