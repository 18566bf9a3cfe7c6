"""Which folders of a logdir are runs, and what they are called. Pure but for walk()."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runicorn.storage import layout

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
# PyTorch's and tensorboardX's add_hparams() make such a folder below the writer's own, named by the time.
_SESSION = re.compile(r"\d{9,11}\.\d+")
_MAX_SLUG = 80
_MAX_DEPTH = 16
# What is never a logdir, and may be large.
_PASSED_OVER = {"node_modules", "site-packages", "__pycache__"}


@dataclass(frozen=True)
class EventFile:
    """One event file as a look at its folder showed it. name: below the run's folder."""

    name: str
    size_bytes: int
    mtime: float


@dataclass(frozen=True)
class LogFolder:
    """A folder that holds event files. path: below the root, with slashes, empty for the root itself."""

    path: str
    files: tuple[EventFile, ...]


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


def walk(root: Path) -> Iterator[LogFolder | None]:
    """Yield each folder below `root` that holds event files, and None for each that holds none; both as it goes.

    Links to folders elsewhere are followed, because that is how logdirs are put together, each real folder once; those
    to folders below `root` would show a run twice, or go round in circles. Runicorn's own runs are passed over. What
    cannot be read is left out. Where add_hparams() was called once for a run, its folder is a part of the run; where it
    was called several times, each call is a run, because it stands for one.
    """
    real_root = os.path.realpath(root)
    own_runs = (root / layout.ROOT_FILE).is_file()
    seen: set[str] = set()
    pending: list[tuple[str, int]] = [("", 0)]
    while pending:
        path, depth = pending.pop()
        files, entries = _look_into(root, path)
        if {layout.RUN_FILE, layout.METRICS_FILE} <= {entry.name for entry in entries}:
            yield None
            continue
        folders = [
            entry.name
            for entry in entries
            if _is_folder(entry) and not _passed_over(path, entry.name, own_runs) and _is_new(entry, real_root, seen)
        ]
        sessions = [name for name in folders if files and _SESSION.fullmatch(name)]
        if len(sessions) == 1:
            folders.remove(sessions[0])
            more, _ = _look_into(root, f"{path}/{sessions[0]}" if path else sessions[0])
            files += [replace(file, name=f"{sessions[0]}/{file.name}") for file in more]
        if depth < _MAX_DEPTH:
            pending.extend((f"{path}/{name}" if path else name, depth + 1) for name in folders)
        yield LogFolder(path, tuple(sorted(files, key=lambda file: file.name))) if files else None


def _look_into(root: Path, path: str) -> tuple[list[EventFile], list[os.DirEntry[str]]]:
    """Return a folder's event files, and all else that it holds; nothing where it cannot be read."""
    files: list[EventFile] = []
    others: list[os.DirEntry[str]] = []
    with contextlib.suppress(OSError), os.scandir(root / path) as entries:
        for entry in entries:
            if not is_event_file(entry.name) or _is_folder(entry):
                others.append(entry)
                continue
            with contextlib.suppress(OSError):
                # Windows keeps what a folder says of an open file as it was when the file was opened.
                status = os.stat(entry.path) if os.name == "nt" else entry.stat()  # noqa: PTH116
                if stat.S_ISREG(status.st_mode):
                    files.append(EventFile(entry.name, status.st_size, status.st_mtime))
    return files, others


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _passed_over(parent: str, name: str, own_runs: bool) -> bool:
    if name.startswith(".") or name in _PASSED_OVER:
        return True
    if not own_runs:
        return False
    return (not parent and name == "artifacts") or (parent == layout.RUNS and layout.is_stamped_id(name))


def _is_new(entry: os.DirEntry[str], real_root: str, seen: set[str]) -> bool:
    """Tell whether a linked folder lies elsewhere, and no other link led to it."""
    if not entry.is_symlink():
        return True
    real = os.path.realpath(entry.path)
    inside = (real + os.sep).startswith(real_root.rstrip(os.sep) + os.sep)
    around = (real_root + os.sep).startswith(real.rstrip(os.sep) + os.sep)
    if inside or around or real in seen:
        return False
    seen.add(real)
    return True
