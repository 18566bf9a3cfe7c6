"""The first bytes of many logs, asked for in one call: one round trip for dozens of them, where each would cost two."""

from __future__ import annotations

from collections.abc import Sequence

from runicorn.storage.files import Files, FileStat, LocalFiles, Range
from runicorn.storage.foreign import mlflow_text
from runicorn.storage.foreign.config import config_paths
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.trainer_log import newest_state
from runicorn.storage.mirroring.finding import EventFolder, LogFile

_KEPT_BYTES = 1 << 16
MOST_LOGS = 128
_MOST_FILES = 2000


class PrefetchedFiles(Files):
    """Passes everything on, but for the first bytes that were asked for before: those are given once they are wanted.

    fetch() is all that is answered from them; what it does not find there, it asks for in one call.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.batch_bytes, self.batch_folders = files.batch_bytes, files.batch_folders
        self._kept: dict[str, bytes | OSError] = {}

    def names(self, path: str) -> list[str]:
        return self._files.names(path)

    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        return self._files.look(folders)

    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        return self._files.stats(paths)

    def inside(self, folder: str, path: str) -> str | None:
        return self._files.inside(folder, path)

    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        found = [self._part(each) for each in ranges]
        missing = [each for each, part in zip(ranges, found, strict=True) if part is None]
        rest = iter(self._files.fetch(missing) if missing else [])
        return [next(rest) if part is None else part for part in found]

    def _part(self, wanted: Range) -> bytes | OSError | None:
        kept = self._kept.get(wanted.path)
        if kept is None or isinstance(kept, OSError):
            return kept
        end = len(kept) + 1 if wanted.length is None else wanted.start + wanted.length
        is_whole = len(kept) < _KEPT_BYTES
        return kept[wanted.start : end] if is_whole or end <= len(kept) else None

    def prefetch(self, logs: Sequence[tuple[EventFolder | LogFile, Kind | None]]) -> int:
        """Ask for the first bytes of these logs, of each with its kind, until that is enough; return of how many.

        On this machine, nothing is gained by that.
        """
        self._kept = {}
        if isinstance(self._files, LocalFiles):
            return len(logs)
        paths: list[str] = []
        size, count = 0, 0
        for log, kind in logs[:MOST_LOGS]:
            paths += first_paths(log, kind)
            size += sum(min(_KEPT_BYTES, file.size_bytes) for file in log.files)
            count += 1
            if size > self.batch_bytes // 4 or len(paths) > _MOST_FILES:
                break
        paths = list(dict.fromkeys(paths))
        try:
            found = self._files.fetch([Range(path, 0, _KEPT_BYTES) for path in paths]) if count > 1 else []
        except OSError:  # each is asked for by itself then
            return count
        # What cannot be read for a moment is tried again by itself.
        self._kept = {
            path: each
            for path, each in zip(paths, found, strict=False)
            if not isinstance(each, OSError) or isinstance(each, FileNotFoundError)
        }
        return count

    def forget(self, log: EventFolder | LogFile) -> None:
        """Let go of the first bytes of a log: they were read, and it may grow."""
        for file in log.files:
            self._kept.pop(_path(log, file.name), None)


def first_paths(log: EventFolder | LogFile, kind: Kind | None) -> list[str]:
    """Return what is read of a log at first. kind: None of event files."""
    names = [file.name for file in log.files]
    if kind is Kind.TRAINER:
        newest = newest_state({file.name: file.mtime for file in log.files})
        names = [] if newest is None else [newest]
    paths = [_path(log, name) for name in names]
    if kind is Kind.MLFLOW:
        above = log.path.rpartition("/")[0]
        paths.append(f"{above}/{mlflow_text.META}" if above else mlflow_text.META)
    elif kind is not None and kind is not Kind.WANDB and isinstance(log, LogFile):
        paths += config_paths(kind, log.log_path, [name.split("/")[0] for name in names if "/" in name])
    return paths


def _path(log: EventFolder | LogFile, name: str) -> str:
    return f"{log.path}/{name}" if log.path else name
