"""The runs of several roots as one list, each with the machine that it is on."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from functools import partial
from types import TracebackType
from typing import Any

from runicorn.errors import AmbiguousRunError, RemoteError, RunicornError, RunNotFoundError, StorageError
from runicorn.exchange import frames
from runicorn.exchange.client import RUNS, LineMaker, Root, StoredRun, silent_line
from runicorn.roots.threads import in_thread

_LOOK_SECS = 0.1


class Roots:
    """Several roots, as rn.open_root() returns them for a list. Each call asks all of them at the same time.

    places: the roots that are open, by the texts that they were given as. failed: what was in the way of the others, or
    came in the way at the last call; of these, no run is in what that returned. One root that is there by two ways is
    read by the first. line: makes what shows how far a reading is.
    """

    def __init__(
        self, places: Mapping[str, Root], failed: Mapping[str, RunicornError], *, line: LineMaker = silent_line
    ) -> None:
        self.places = dict(places)
        self._never_open = dict(failed)
        self.failed: dict[str, RunicornError] = dict(failed)
        self._line = line
        twins = _twins(self.places)
        self._read = {text: root for text, root in self.places.items() if text not in twins}
        for root in self._read.values():
            root.line = silent_line  # one line for all of them
        hosts = [root.host for root in self._read.values()]
        self._labels = {
            text: root.host if root.host and hosts.count(root.host) == 1 else text for text, root in self._read.items()
        }

    def __enter__(self) -> Roots:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Roots({list(self.places)!r})"

    def close(self) -> None:
        """Close all of them; see Root.close."""
        for root in self.places.values():
            root.close()

    def runs(self, query: str = "", **filters: Any) -> list[StoredRun]:
        """Return the runs of all roots that fit, the newest first; see Root.runs.

        A root that cannot be read now is left out with a warning, and stands in `failed`. Raises what is wrong with the
        query or a filter, and the error of the first root where none can be read.
        """
        found = self._each(lambda root: root.runs(query, **filters))
        runs = [(run, text) for text, runs in found.items() for run in runs]
        runs.sort(key=lambda each: (each[0].created_at, each[0].id, each[1]), reverse=True)
        return [run for run, _ in runs]

    def run(self, name: str) -> StoredRun:
        """Return the run with this address, id or name. Raises RunNotFoundError, AmbiguousRunError."""
        for text, root in self._read.items():
            label = f"{self._labels[text]}:"
            if name.startswith(label):
                with contextlib.suppress(RunNotFoundError):
                    return root.run(name[len(label) :])

        def look(root: Root) -> list[StoredRun]:
            with contextlib.suppress(RunNotFoundError):
                return [root.run(name)]
            return []

        found = [run for runs in self._each(look).values() for run in runs]
        if not found:
            raise RunNotFoundError(f"There is no run {name[:200]!r}.")
        if len(found) > 1:
            addresses = ", ".join(self.address_of(run) for run in found[:5])
            raise AmbiguousRunError(
                f"{len(found)} runs are called {name[:200]!r}: {addresses}.",
                hint="Name the run by its address instead.",
            )
        return found[0]

    def place_of(self, run: StoredRun) -> str:
        """Return the text that the run's root was given as."""
        return next(text for text, root in self._read.items() if root is run.root)

    def address_of(self, run: StoredRun) -> str:
        """Return what tells this run from all others here, and what run() takes: `gpu-7:ID`."""
        return f"{self._labels[self.place_of(run)]}:{run.id}"

    def to_pandas(self, query: str = "", **filters: Any) -> Any:
        """Return what Root.to_pandas() does, with the columns `address`, `host` and `place` before."""
        return frames.pandas_frame(self._table(query, filters), times=frames.TIMES)

    def to_polars(self, query: str = "", **filters: Any) -> Any:
        """Return what to_pandas() does as a polars DataFrame. Raises PackageMissingError."""
        return frames.polars_frame(self._table(query, filters), times=frames.TIMES)

    def _table(self, query: str, filters: Mapping[str, Any]) -> dict[str, list[Any]]:
        runs = self.runs(query, **filters)
        return {
            "address": [self.address_of(run) for run in runs],
            "host": [run.host for run in runs],
            "place": [self.place_of(run) for run in runs],
            **frames.run_columns([run.item for run in runs]),
        }

    def _each(self, ask: Callable[[Root], list[StoredRun]]) -> dict[str, list[StoredRun]]:
        """Return what each root answers. Raises the first one's error where none answers, and what no root is to blame
        for.
        """
        self.failed = dict(self._never_open)
        asked: dict[str, Root] = {}
        for text, root in self._read.items():
            try:
                root.ensure()  # in this thread, as it may have to ask somebody
                asked[text] = root
            except RemoteError as error:
                self._leave_out(text, error)
        works = {text: in_thread(partial(ask, root), "runicorn-read") for text, root in asked.items()}
        with self._line(f"reading {len(asked)} roots", RUNS) as line:
            while wait(works.values(), _LOOK_SECS).not_done:
                standing = [each for root in asked.values() if (each := root.progress()) is not None]
                line.total = sum(each.total for each in standing)
                line.update(sum(each.done for each in standing))
        answers: dict[str, list[StoredRun]] = {}
        for text, work in works.items():
            try:
                answers[text] = work.result()
            except (RemoteError, StorageError) as error:
                self._leave_out(text, error)
        if not answers:
            raise next(iter(self.failed.values()))
        return answers

    def _leave_out(self, text: str, error: RunicornError) -> None:
        self.failed[text] = error.kept()
        warn_of(text, error)


def warn_of(text: str, error: RunicornError) -> None:
    """Warn that a root is left out."""
    warnings.warn(f"{text} is left out: {error.detail} ({error.code}) {error.hint}", stacklevel=2)


def _twins(places: Mapping[str, Root]) -> set[str]:
    """Return those whose root another one before them has, too: one storage root that two hosts show."""
    known: set[str] = set()
    twins = set()
    asked = {text: in_thread(root.root_id, "runicorn-read") for text, root in places.items()}
    for text, work in asked.items():
        told = None
        with contextlib.suppress(OSError, RunicornError):  # who cannot be asked now is told apart from nobody
            told = work.result()
        if told is not None and told in known:
            twins.add(text)
        elif told is not None:
            known.add(told)
    return twins
