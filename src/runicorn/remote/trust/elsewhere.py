"""What the person's own known_hosts files say of a key that ours does not hold: to be shown, never to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runicorn.regular_files import read_regular
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.certificates import HostCertificate
from runicorn.remote.trust.known_hosts import Entry, HostKey, Verdict
from runicorn.remote.trust.target import Target

MAX_FILE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Elsewhere:
    """Which file holds this very key for the host, another one for it, or this one as revoked; None for none.

    certificate: what made it known where no file holds the key itself: the file holds the authority who certified it.
    """

    known_in: str | None = None
    contradicted_in: str | None = None
    revoked_in: str | None = None
    certificate: HostCertificate | None = None


def look_elsewhere(
    files: Sequence[str], known_as: Target, offered: HostKey, certificate: HostCertificate | None = None
) -> Elsewhere:
    """Return what these files say of a key that a host offered. Files that cannot be read say nothing.

    certificate: what the host showed of this key, if anything.
    """
    found: dict[Verdict, str] = {}
    certified_in = None
    vouched = certificate is not None and certificate.vouches_for(known_as.host)
    for path, entries in _read(files):
        found.setdefault(_judge(entries, known_as, offered, certificate), path)
        if certificate is not None and vouched and certificate.authority in _authorities(entries, known_as):
            certified_in = certified_in or path
    known_in = found.get(Verdict.OK)
    return Elsewhere(
        known_in or certified_in,
        found.get(Verdict.CHANGED),
        found.get(Verdict.REVOKED),
        certificate if known_in is None and certified_in is not None else None,
    )


def types_elsewhere(files: Sequence[str], known_as: Target) -> tuple[str, ...]:
    """Return the types of the keys that these files hold for a host: asked for first, the key can be recognized."""
    every = [entry for _, entries in _read(files) for entry in entries]
    types = {each for name in _names(known_as) for each in known_hosts.stored_types(every, name)}
    return tuple(each for each in known_hosts.KEY_TYPE_ORDER if each in types)


def is_certified_elsewhere(files: Sequence[str], known_as: Target) -> bool:
    """Tell whether these files name an authority for a host, whose certificates are worth being asked for."""
    return any(_authorities(entries, known_as) for _, entries in _read(files))


def _judge(
    entries: Sequence[Entry], known_as: Target, offered: HostKey, certificate: HostCertificate | None
) -> Verdict:
    authority = None if certificate is None else certificate.authority
    exact, *bare = _names(known_as)
    verdict = known_hosts.judge(entries, exact, offered, authority).verdict
    if verdict is Verdict.UNKNOWN and any(
        known_hosts.judge(entries, each, offered).verdict is Verdict.OK for each in bare
    ):
        return Verdict.OK
    return verdict


def _authorities(entries: Sequence[Entry], known_as: Target) -> set[HostKey]:
    return {each for name in _names(known_as) for each in known_hosts.authorities(entries, name)}


def _names(known_as: Target) -> tuple[str, ...]:
    """Return the names that ssh looks for: with the port, and where that is not 22, the same key without it."""
    return tuple(dict.fromkeys([known_as.known_hosts_host, known_as.host]))


def _read(files: Sequence[str]) -> Iterator[tuple[str, list[Entry]]]:
    for path in files:
        try:
            text = read_regular(Path(path), MAX_FILE_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        yield path, known_hosts.parse(text)
