"""Which kinds of host key a hop is asked for, and in what order. One place for all that show us a key."""

from __future__ import annotations

from collections.abc import Iterable

from runicorn.remote.names.way import Hop
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.certificates import certified
from runicorn.remote.trust.elsewhere import is_certified_elsewhere, types_elsewhere


def all_types(hop: Hop, stored: Iterable[str] = ()) -> tuple[str, ...]:
    """Return all types of host keys: first the stored ones, else those that the person's own known_hosts has of it."""
    first = tuple(stored) or types_elsewhere(hop.known_hosts_files, hop.known_as)
    return (*first, *(each for each in known_hosts.KEY_TYPE_ORDER if each not in first))


def wants_certificate(hop: Hop) -> bool:
    """Tell whether the person's own known_hosts names an authority for it: then its certificate tells something."""
    return is_certified_elsewhere(hop.known_hosts_files, hop.known_as)


def algorithms(hop: Hop, key_types: Iterable[str]) -> tuple[str, ...]:
    """Return the algorithms for these types of host keys, with those of certificates first where they are wanted."""
    plain = known_hosts.algorithms(key_types)
    return (*certified(plain), *plain) if wants_certificate(hop) else plain
