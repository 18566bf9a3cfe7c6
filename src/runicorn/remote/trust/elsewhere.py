"""What the person's own known_hosts files say of a key that ours does not hold: to be shown, never to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runicorn.regular_files import read_regular
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import Entry, HostKey, Verdict

MAX_FILE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Elsewhere:
    """Which file holds this very key for the host, another one for it, or this one as revoked; None for none."""

    known_in: str | None = None
    contradicted_in: str | None = None
    revoked_in: str | None = None


def look_elsewhere(files: Sequence[str], name: str, offered: HostKey) -> Elsewhere:
    """Return what these files say of a key that the host `name` offered. Files that cannot be read say nothing."""
    found: dict[Verdict, str] = {}
    for path, entries in _read(files):
        found.setdefault(known_hosts.judge(entries, name, offered).verdict, path)
    return Elsewhere(found.get(Verdict.OK), found.get(Verdict.CHANGED), found.get(Verdict.REVOKED))


def types_elsewhere(files: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the types of the keys that these files hold for a host: asked for first, the key can be recognized."""
    return known_hosts.stored_types([entry for _, entries in _read(files) for entry in entries], name)


def _read(files: Sequence[str]) -> Iterator[tuple[str, list[Entry]]]:
    for path in files:
        try:
            text = read_regular(Path(path), MAX_FILE_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        yield path, known_hosts.parse(text)
