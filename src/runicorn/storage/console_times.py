"""An entry of console.times: when what begins at a place in console.log was written. Pure, and needs no numpy."""

from __future__ import annotations

import struct

_ENTRY = struct.Struct("<dQ")
ENTRY_BYTES = _ENTRY.size
_THINNED_EVERY = 65_536


def encode(time: float, offset: int) -> bytes:
    """Return one entry: unix seconds, and a byte offset in console.log."""
    return _ENTRY.pack(time, offset)


def pause_secs(entries: int) -> float:
    """Return how long after an entry the next one may come: a second, twice as long after each 65,536 of them.

    A month of output without a pause takes 5 MiB by that.
    """
    return float(2 ** min(20, entries // _THINNED_EVERY))
