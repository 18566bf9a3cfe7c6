"""Processes that may end while they are looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import psutil


def living(
    processes: Iterable[psutil.Process], holds: Callable[[psutil.Process], bool] = lambda _: True
) -> list[psutil.Process]:
    """Return those that run and for which this holds; not one that ends meanwhile."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and holds(process):
                found.append(process)
    return found


def words_of(processes: Iterable[psutil.Process]) -> list[str]:
    """Return all that can be read in their command lines and environments."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [*process.cmdline(), *process.environ().values()]
    return found


def names_of(processes: Iterable[psutil.Process]) -> list[str]:
    """Return the names of the programs of those that run."""
    found = []
    for process in living(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(process.name())
    return found
