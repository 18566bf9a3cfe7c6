"""List a folder with one command instead of SFTP: the text that is sent, and what its answer means. Pure.

It takes 3 round trips instead of 9, and 50,000 names come in half the time. Only the plain success is taken from here:
whatever else comes back - no GNU find, a folder that cannot be read, a shell that refuses - is None, and SFTP, which
tells each failure apart, is asked instead. Where there is none, the command itself tells them apart.
"""

from __future__ import annotations

import shlex

from runicorn.remote.server.paths import shell_word
from runicorn.remote.ssh.interface import RemoteEntry

FIELDS = 4
# What it ends with where that is to tell why.
NOT_THERE, NO_FOLDER, NOT_ALLOWED = 91, 92, 93
_WHY = f"""\
[ -d "$path" ] && exit {NOT_ALLOWED}
[ -e "$path" ] && exit {NO_FOLDER}
until [ -e "$path" ]; do path=$(dirname -- "$path"); done
[ -d "$path" ] && [ ! -x "$path" ] && exit {NOT_ALLOWED}
exit {NOT_THERE}
"""


def script(path: str, begin: str, end: str, *, tells_why: bool = False) -> bytes:
    """Return the shell script that prints the folder's absolute path and entries between two markers.

    Names are separated by zero bytes, because any other byte may stand in one. tells_why: whether it is to end with one
    of the numbers above where the folder cannot be read.
    """
    otherwise = f"{{\n{_WHY}}}" if tells_why else "exit 1"
    return (
        f"path={shell_word(path)}\n"
        'case "$path" in "~") path=$HOME;; "~/"*) path=$HOME/${path#??};; /*) ;; *) path=./$path;; esac\n'
        f'cd "$HOME" && cd -- "$path" && [ -r . ] || {otherwise}\n'
        f"printf '%s%s\\0' {shlex.quote(begin)} \"$(pwd -P)\"\n"
        "find . -mindepth 1 -maxdepth 1 -printf '%Y %s %T@ %f\\0' || exit 1\n"
        f"printf '%s' {shlex.quote(end)}\n"
    ).encode("utf-8", "surrogateescape")


def parse(stdout: bytes, begin: str, end: str) -> tuple[str, list[RemoteEntry]] | None:
    """Return the absolute path and the entries in no order; None if the answer is not whole."""
    _, found, rest = stdout.partition(begin.encode())
    body, ended, _ = rest.rpartition(end.encode())
    if not (found and ended):
        return None
    folder, _, listed = body.partition(b"\0")
    try:
        entries = [_entry(item) for item in listed.split(b"\0") if item]
    except ValueError:
        return None
    return folder.decode("utf-8", "replace"), entries


def _entry(item: bytes) -> RemoteEntry:
    kind, size, mtime, name = item.split(b" ", FIELDS - 1)
    return RemoteEntry(name.decode("utf-8", "replace"), kind == b"d", int(size), int(float(mtime)))
