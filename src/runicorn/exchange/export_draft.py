"""The draft of an export beside its output: it takes the output's name once it is complete, and outlives its process.

It lies in a hidden folder that names its process, `.<output>.<owner>.<random>.export`, with its journal. One whose
process is gone is taken over by renaming the folder, which only one can do.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from runicorn import processes
from runicorn.exchange import export_journal
from runicorn.exchange.export_journal import Plan, Standing, WantedRun
from runicorn.exchange.exporting import Place
from runicorn.files import replace_file
from runicorn.processes import Presence
from runicorn.storage import drafts
from runicorn.storage.appending import LineFile

_DRAFT, _JOURNAL = "draft", "journal"
_BUFFER_BYTES = 1 << 20
_MAX_NAME_BYTES = 100  # a name may have 255, and the owner's takes some of them


class ExportDraft:
    """Used with `with`; leaving it without finish() keeps what can be gone on with. Every method raises OSError.

    goes_on: whether an export that was broken off can be gone on with, which a format with a footer does not let one.
    fails_still: see export_journal.standing. standing: what was taken over. file: where to write.
    """

    file: IO[bytes]

    def __init__(
        self, output: Path, plan: Plan, fails_still: Callable[[str, Place | None], bool], *, goes_on: bool = True
    ) -> None:
        self._output = output
        self._plan = plan
        self._fails_still = fails_still
        self._goes_on = goes_on
        self._prefix = f".{_short(output.name)}."
        self._folder = output.with_name(f"{self._prefix}{drafts.owner()}.{secrets.token_hex(4)}.export")
        self._journal: LineFile | None = None
        # Without a name of the boot, a draft of before a power cut may be taken over.
        self._outlives_boot = processes.scope() is None
        self.standing = Standing()
        self.points = 0
        self.is_whole = False

    def __enter__(self) -> ExportDraft:
        if not self._goes_on or not self._take_over():
            self._folder.mkdir()
        try:
            self.file = open(self._folder / _DRAFT, "wb", buffering=_BUFFER_BYTES, opener=_opener)
            self.file.truncate(self.standing.at)
            self.file.seek(self.standing.at)
            self.points = self.standing.points
            if self._goes_on:
                self._journal = LineFile(self._folder / _JOURNAL)
                if not self.standing.runs:
                    self._journal.append(self._plan.head())
        except BaseException:
            self._close_files()
            if not self.standing.runs:
                self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_files()
        # An interrupt comes anywhere, also right behind what was written and before it was counted.
        self.is_whole = not (self._folder / _DRAFT).exists()
        self.points = self._look(self._folder).points if self._goes_on else 0
        if not self.points:
            self._remove()

    def begin(self, run: WantedRun) -> None:
        """Say that the points of this run follow."""
        self._note(export_journal.run_line(run))

    def mark(self, place: Place, points: int) -> None:
        """Say that what was written is that of the run up to here, and all of it is with the system. points: of all."""
        self.file.flush()
        if self._outlives_boot and self._journal is not None:
            os.fsync(self.file.fileno())
        self._note(export_journal.place_line(place, self.file.tell(), points))
        self.points = points if self._goes_on else 0

    def fail(self) -> None:
        """Say that the run could not be read any further."""
        self._note(export_journal.failed_line())

    def discard(self) -> None:
        """Let nothing be gone on with."""
        self._goes_on = False

    def finish(self) -> None:
        """Give the draft the output's name, and remove what others left that were broken off."""
        self.file.close()
        (self._folder / _DRAFT).replace(self._output)
        self.is_whole = True
        for folder, owner in self._others():
            with contextlib.suppress(OSError):
                if drafts.is_abandoned(folder, owner):
                    shutil.rmtree(folder, ignore_errors=True)

    def _take_over(self) -> bool:
        """Become the owner of the draft of a dead process that has most of what is wanted."""
        found = []
        for folder, owner in self._others():
            if drafts.presence(owner) is Presence.GONE:
                stands = self._look(folder)
                if stands.points:
                    found.append((stands.points, folder))
        for _, folder in sorted(found, reverse=True):
            try:
                folder.rename(self._folder)
            except OSError:  # somebody else took it
                continue
            self.standing = self._look(self._folder)
            replace_file(self._folder / _JOURNAL, self.standing.lines, durable=False)
            return True
        return False

    def _look(self, folder: Path) -> Standing:
        try:
            size = (folder / _DRAFT).stat().st_size
            journal = (folder / _JOURNAL).read_bytes()
        except OSError:
            return Standing()
        return export_journal.standing(journal, size, self._plan, self._fails_still)

    def _others(self) -> list[tuple[Path, str]]:
        """Return the drafts of this output that are not this one, with their owners."""
        name = re.compile(rf"{re.escape(self._prefix)}({drafts.OWNER})\.[0-9a-f]{{8}}\.export")
        folders = [(path, match) for path in self._output.parent.iterdir() if (match := name.fullmatch(path.name))]
        return [(path, match[1]) for path, match in folders if path != self._folder]

    def _note(self, line: bytes) -> None:
        if self._journal is not None:
            self._journal.append(line)

    def _close_files(self) -> None:
        for opened in (getattr(self, "file", None), self._journal):
            if opened is not None:
                with contextlib.suppress(OSError):  # a full disk refuses what is in its buffer
                    opened.close()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _opener(path: str, flags: int) -> int:
    """Leave what is in the file. Opened for reading as well ("r+b"), a file takes a fifth longer to write."""
    return os.open(path, flags & ~os.O_TRUNC, 0o666)


def _short(name: str) -> str:
    whole = os.fsencode(name)
    if len(whole) <= _MAX_NAME_BYTES:
        return name
    return f"{name[: _MAX_NAME_BYTES // 5]}.{hashlib.sha256(whole).hexdigest()[:16]}"
