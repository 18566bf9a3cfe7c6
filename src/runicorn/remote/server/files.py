"""Browse a server's folders: list and exists, over SFTP. Blocking; called from worker threads."""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from runicorn.errors import RemotePathNotFoundError, StartError, UsageError
from runicorn.remote.server import candidates, listing, shell
from runicorn.remote.server.candidates import Candidates
from runicorn.remote.server.paths import means_more, shell_word
from runicorn.remote.ssh.interface import Connection, RemoteEntry, RemoteFiles

MAX_ENTRIES = 100_000
MAX_PATH_CHARS = 4096
COMMAND_TIMEOUT_SECS = 15.0
COMMAND_LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Listing:
    """path: absolute. entries: folders first, then by name. truncated: whether there were more than MAX_ENTRIES."""

    path: str
    entries: tuple[RemoteEntry, ...]
    truncated: bool


@dataclass(frozen=True)
class PathFacts:
    path: str
    exists: bool
    is_dir: bool


def list_folder(connection: Connection, path: str) -> Listing:
    """Return what the folder holds. Raises UsageError, RemotePathNotFoundError, RemoteNotADirectoryError,
    RemotePermissionError, SftpUnavailableError."""
    require_path(path)
    return in_order(*(_list_by_command(connection, path) or _list_by_sftp(connection, path)))


def in_order(absolute: str, entries: list[RemoteEntry]) -> Listing:
    """Return what was found in a folder as it is shown."""
    shown = sorted(entries[:MAX_ENTRIES], key=lambda entry: (not entry.is_dir, entry.name))
    return Listing(absolute, tuple(shown), len(entries) > MAX_ENTRIES)


def _list_by_command(connection: Connection, path: str) -> tuple[str, list[RemoteEntry]] | None:
    begin, end = secrets.token_hex(12), secrets.token_hex(12)
    try:
        command, stdin = shell.deliver(listing.script(path, begin, end))
        done = connection.run(
            command,
            stdin=stdin,
            timeout_secs=COMMAND_TIMEOUT_SECS,
            limit_bytes=COMMAND_LIMIT_BYTES,
        )
    except StartError:  # no shell, or too slow: SFTP may still answer
        return None
    return listing.parse(done.stdout, begin, end)


def _list_by_sftp(connection: Connection, path: str) -> tuple[str, list[RemoteEntry]]:
    path = _expanded(connection, path)
    with _files(connection) as files:
        absolute = files.absolute(path)
        return absolute, list(itertools.islice(files.scan(absolute), MAX_ENTRIES + 1))


def path_facts(connection: Connection, path: str) -> PathFacts:
    """Return whether the path exists, and whether it is a folder."""
    require_path(path)
    path = _expanded(connection, path)
    with _files(connection) as files:
        try:
            absolute = files.absolute(path)
            entry = files.stat(absolute)
        except RemotePathNotFoundError:
            return PathFacts(path, exists=False, is_dir=False)
    return PathFacts(absolute, exists=True, is_dir=entry.is_dir)


def _expanded(connection: Connection, path: str) -> str:
    """Return a path with `~user` or `$NAME` as the server's shell has it; as it is where that does not answer."""
    if not means_more(path):
        return path
    begin, end = secrets.token_hex(12), secrets.token_hex(12)
    script = f"printf '%s%s%s' {begin} {shell_word(path)} {end}\n".encode("utf-8", "surrogateescape")
    command, stdin = shell.deliver(script)
    try:
        done = connection.run(command, stdin=stdin, timeout_secs=COMMAND_TIMEOUT_SECS, limit_bytes=COMMAND_LIMIT_BYTES)
    except StartError:
        return path
    _, found, rest = done.stdout.decode("utf-8", "replace").partition(begin)
    expanded, ended, _ = rest.partition(end)
    return expanded if found and ended else path


def storage_candidates(connection: Connection) -> Candidates:
    """Return the folders that are likely to hold runs. Raises StartError where the server answers nothing of use."""
    begin, end = secrets.token_hex(12), secrets.token_hex(12)
    done = connection.run(
        shell.SHELL_COMMAND,
        stdin=candidates.script(begin, end),
        timeout_secs=COMMAND_TIMEOUT_SECS,
        limit_bytes=COMMAND_LIMIT_BYTES,
    )
    found = candidates.parse(done.stdout, begin, end)
    if found is None:
        raise StartError("The server did not answer the question about its folders.")
    return found


def require_path(path: str) -> None:
    """Raises UsageError for what no server has at any place."""
    if not path or len(path) > MAX_PATH_CHARS or "\0" in path:
        raise UsageError("The path is empty, too long, or holds a zero byte.")


@contextlib.contextmanager
def _files(connection: Connection) -> Iterator[RemoteFiles]:
    # One SFTP client a listing: two users of one would read each other's replies.
    files = connection.files()
    try:
        yield files
    finally:
        files.close()
