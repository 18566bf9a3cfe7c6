"""Which folders of a logdir are runs, and what they are called. Pure but for walk()."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runicorn.storage import layout
from runicorn.storage.files import Files, FileStat, Scan

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
# PyTorch's and tensorboardX's add_hparams() make such a folder below the writer's own, named by the time.
_SESSION = re.compile(r"\d{9,11}\.\d+")
_MAX_SLUG = 80
_MAX_DEPTH = 16
# What is never a logdir, and may be large.
_PASSED_OVER = {"node_modules", "site-packages", "__pycache__"}
_MARKS = ("tfevents", layout.RUN_FILE, layout.METRICS_FILE)


@dataclass(frozen=True)
class EventFile:
    """One event file as a look at its folder showed it. name: below the run's folder."""

    name: str
    size_bytes: int
    mtime: float


def event_file(name: str, status: FileStat) -> EventFile:
    return EventFile(name, status.size_bytes, status.mtime_ns / 1e9)


@dataclass(frozen=True)
class LogFolder:
    """A folder that holds event files. path: below the root, with slashes, empty for the root itself."""

    path: str
    files: tuple[EventFile, ...]


class Unreadable(NamedTuple):
    """A folder below the root that cannot be read now: of what lies below it, nothing is known."""

    path: str


def is_event_file(name: str) -> bool:
    """Tell what TensorBoard takes for an event file; profiles bear the mark and hold none of its events."""
    return "tfevents" in name and not name.endswith((".profile-empty", ".gz")) and name.isprintable()


def run_id(path: str) -> str:
    """Return the id of the run in a folder: always the same, and a name that every system allows."""
    slug = _UNSAFE.sub("-", "-".join(path.split("/")[-2:])).strip("-.")[-_MAX_SLUG:].strip("-.") or "run"
    return f"tb-{slug}-{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def project_and_name(path: str, root_name: str) -> tuple[str, str]:
    """Return project and name of the run in a folder: the folders above it, and itself.

    A first folder `runs`, which PyTorch makes where nothing else is said, tells nothing and is left out.
    """
    parts = [part for part in path.split("/") if part]
    if len(parts) > 1 and parts[0] == layout.RUNS:
        parts = parts[1:]
    if not parts:
        return layout.DEFAULT_PROJECT, root_name or layout.DEFAULT_PROJECT
    return layout.clean_project("/".join(parts[:-1]) or root_name), parts[-1]


def host_of(event_file: str) -> str:
    """Return the machine that a name like events.out.tfevents.1700000000.gpu7.123.0 tells, or nothing."""
    match = re.search(r"tfevents\.\d+(?:\.\d+)?\.(.+?)(?:\.\d+\.\d+)?(?:\.v2)?$", event_file)
    return match[1] if match else ""


def walk(files: Files) -> Iterator[LogFolder | Unreadable | None]:
    """Yield each folder that holds event files, None for each that holds none, and those that cannot be read; as it
    goes.

    Links to folders elsewhere are followed, because that is how logdirs are put together, each real folder once; those
    to folders below the root would show a run twice, or go round in circles. Runicorn's own runs are passed over. Where
    add_hparams() was called once for a run, its folder is a part of the run; where it was called several times, each
    call is a run, because it stands for one. Raises OSError where nothing can be read at all.
    """
    try:
        links = _Links(files, files.real(""))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        links = None
    found = files.stat(layout.ROOT_FILE)
    own_runs = found is not None and not found.is_dir
    pending: list[tuple[str, int]] = [("", 0)]
    while pending:
        group = [pending.pop() for _ in range(min(len(pending), files.batch_folders))]
        scans = files.scan([path for path, _ in group], _MARKS)
        looked = [
            (path, depth, scan, [] if isinstance(scan, OSError) else _folders(path, scan, own_runs, links))
            for (path, depth), scan in zip(group, scans, strict=True)
        ]
        sessions = _sessions(files, looked)
        for path, depth, scan, folders in looked:
            if isinstance(scan, OSError):
                if not path:
                    raise scan
                yield Unreadable(path)
                continue
            if _is_own_run(scan):
                yield None
                continue
            session, more = sessions.get(path, ("", []))
            events = [*_event_files(scan), *more]
            if depth < _MAX_DEPTH:
                pending.extend((f"{path}/{name}" if path else name, depth + 1) for name in folders if name != session)
            yield LogFolder(path, tuple(sorted(events, key=lambda file: file.name))) if events else None


_Looked = tuple[str, int, "Scan | OSError", list[str]]


def _sessions(files: Files, looked: Sequence[_Looked]) -> dict[str, tuple[str, list[EventFile]]]:
    """Return the one folder that add_hparams() made below each folder with event files, with what it holds."""
    only = {}
    for path, _, scan, folders in looked:
        found = [name for name in folders if _SESSION.fullmatch(name)]
        if len(found) == 1 and not isinstance(scan, OSError) and _event_files(scan) and not _is_own_run(scan):
            only[path] = found[0]
    scans = files.scan([f"{path}/{name}" if path else name for path, name in only.items()], _MARKS) if only else []
    return {
        path: (name, [] if isinstance(scan, OSError) else _event_files(scan, f"{name}/"))
        for (path, name), scan in zip(only.items(), scans, strict=True)
    }


def _event_files(scan: Scan, below: str = "") -> list[EventFile]:
    return [event_file(f"{below}{file.name}", file) for file in scan.files if is_event_file(file.name)]


def _is_own_run(scan: Scan) -> bool:
    names = {file.name.removesuffix(layout.PACKED_SUFFIX) for file in scan.files}
    return {layout.RUN_FILE, layout.METRICS_FILE} <= names


def _folders(path: str, scan: Scan, own_runs: bool, links: _Links | None) -> list[str]:
    """Return the folders in a folder that are to be looked into."""
    return [
        name
        for name, is_link in scan.folders.items()
        if not _passed_over(path, name, own_runs)
        and (not is_link or (links is not None and links.is_new(f"{path}/{name}" if path else name)))
    ]


def _passed_over(parent: str, name: str, own_runs: bool) -> bool:
    if name.startswith(".") or name in _PASSED_OVER:
        return True
    if not own_runs:
        return False
    return (not parent and name == "artifacts") or (parent == layout.RUNS and layout.is_stamped_id(name))


class _Links:
    """The links to folders of one walk. real_root: the root's path without links."""

    def __init__(self, files: Files, real_root: str) -> None:
        self._files = files
        self._real_root = real_root
        self._seen: set[str] = set()

    def is_new(self, path: str) -> bool:
        """Tell whether a linked folder lies elsewhere, and no other link led to it."""
        try:
            real = self._files.real(path)
        except OSError:
            return False
        root = self._real_root
        separator = "\\" if "\\" in root else "/"
        inside = (real + separator).startswith(root.rstrip(separator) + separator)
        around = (root + separator).startswith(real.rstrip(separator) + separator)
        if inside or around or real in self._seen:
            return False
        self._seen.add(real)
        return True
