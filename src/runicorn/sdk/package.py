"""What stands above this folder and is needed in it: each is put in place by whoever has it, when that is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path


def _no_public(name: str) -> Any:
    raise AttributeError(name)


# Gives what `import runicorn as rn` calls so; the package puts it in place.
public: Callable[[str], Any] = _no_public


class Taker(Protocol):
    """Makes a run of what was in a pickle, in the process that takes it."""

    def known(self, folder: Path) -> Any:
        """Return this process's own run of that folder, or None."""
        ...

    def joined(self, folder: str) -> Any:
        """Return the run, joined as a further writer and current from now on. Raises OSError."""
        ...

    def loaded(self, folder: str, info: dict[str, Any], summary: dict[str, Any]) -> Any:
        """Return a run that records nothing."""
        ...


# sdk/api.py puts it in place.
taker: Taker | None = None
