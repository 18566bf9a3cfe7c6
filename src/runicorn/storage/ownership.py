"""Which process writes a run's small files: claimed by creating a file, without a lock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.storage import claims, liveness
from runicorn.storage.claims import HeldClaim
from runicorn.storage.liveness import Pulse

_MAX_OWNERS = 10_000


def claim_ownership(folder: Path, before: int) -> int | None:
    """Become the owner of a run whose owner is gone; return how often it was owned anew, or None for another process.

    before: that number so far, as run.json has it. Creating the file `.owner-N` decides between processes that ask at
    once, without a lock. Whoever created it and died before it wrote run.json is passed over. Raises OSError.
    """
    for number in range(before + 1, before + _MAX_OWNERS):
        path = _path(folder, number)
        try:
            claims.create(path)
        except FileExistsError:
            if _claimant_lives(path):
                return None
            continue
        return number
    return None


def release_ownership(folder: Path, number: int) -> None:
    """Take a claim back that changed nothing about whose run it is, as after packing its files. Raises OSError."""
    _path(folder, number).unlink(missing_ok=True)


class PassingOwnership:
    """Owning a run for the time of some work on its files, such as packing them."""

    def __init__(self, folder: Path, number: int) -> None:
        self._claim = HeldClaim(_path(folder, number))
        self._next = _path(folder, number + 1)

    def holds(self) -> bool:
        """Let the claim be young; tell whether nobody took it for that of a dead process meanwhile. Raises OSError."""
        return self._claim.beat() and not self._next.exists()


def resumed_count(info: Mapping[str, Any]) -> int:
    """Return how often a run was gone on with."""
    count = info.get("resumed")
    return count if isinstance(count, int) and count > 0 else 0


def _path(folder: Path, number: int) -> Path:
    return folder / f".owner-{number}"


def _claimant_lives(path: Path) -> bool:
    try:
        claim = claims.read(path)
    except OSError:  # nobody can tell
        return True
    if claim is None:  # taken back in this moment
        return True
    age = claims.time_on(path.parent) - claim.beaten_at
    return liveness.is_alive(claim.origin, Pulse(age), liveness.here())
