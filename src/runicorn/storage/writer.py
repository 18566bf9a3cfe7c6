"""Writing into a storage root: roots, run folders, whole files replaced at once."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.errors import RootNotUsableError, RunExistsError, StorageError
from runicorn.regular_files import read_regular
from runicorn.storage import claims, layout
from runicorn.storage.jsonio import decode_object, encode_object

_DRAFT_ATTEMPTS = 10
_RANKS = range(1, 100_000)
_REPLACE_ATTEMPTS = 20
_REPLACE_PAUSE_SECS = 0.01


def prepare_root(root: Path, *, now: float) -> Path:
    """Make sure that `root` is a folder that can be read and holds runs/; create what is missing.

    A root that exists and may only be read is usable: a viewer shows it. Raises RootNotUsableError.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise RootNotUsableError(f"The storage root {root} is not a folder, or lies below a file.") from error
    except OSError as error:
        raise _unusable(root, "cannot be created", error) from error
    _check_readable(root)
    with contextlib.suppress(OSError):  # a root that may only be read
        (root / layout.RUNS).mkdir(exist_ok=True)
        _write_root_file(root, now)
    return root


def prepare_to_look_at(root: Path, *, now: float) -> Path:
    """Make sure that `root` is a folder that can be read. One that is not there becomes a storage root; in one that is
    there and is none, such as a logdir of TensorBoard, nothing is created. Raises RootNotUsableError.
    """
    if not root.is_dir():
        return prepare_root(root, now=now)
    _check_readable(root)
    return prepare_root(root, now=now) if (root / layout.ROOT_FILE).exists() else root


def create_run_folder(root: Path, run_id: str, files: dict[str, dict[str, Any]]) -> Path:
    """Create a run's folder with its first files, all at once, so that no reader sees it half made.

    Raises RunExistsError if the id is taken, RootNotUsableError if the root cannot be written.
    """
    target = root / layout.RUNS / run_id
    try:
        draft = _new_draft(target)
    except OSError as error:
        raise _unusable(root, "cannot be written", error) from error
    try:
        for name, content in files.items():
            (draft / name).write_bytes(encode_object(content))
        (draft / layout.METRICS_FILE).touch()
        if target.exists():
            raise RunExistsError(f"The run {run_id} exists already.")
        draft.rename(target)
    except OSError as error:
        if target.exists():  # another process took the id between the look and the rename
            raise RunExistsError(f"The run {run_id} exists already.") from error
        raise _unusable(root, "cannot be written", error) from error
    finally:
        _remove_draft(draft)
    return target


def replace_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file by one JSON object, so that readers see the old or the new one. Raises OSError, ValueError."""
    replace_bytes(path, encode_object(content))


def replace_bytes(path: Path, content: bytes) -> None:
    """Replace a whole file, so that readers see the old or the new one. Raises OSError."""
    draft = draft_path(path)
    try:
        draft.write_bytes(content)
        rename_over(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def draft_path(path: Path) -> Path:
    """Return where to write what is to be renamed over `path`: another place each time.

    Neither two threads may share one, nor a signal handler and what it interrupts, nor two containers that number their
    processes alike. So it is drawn anew in each call: what a process drew once, its forked children have as well.
    """
    return path.with_name(f".{path.name}.{_unique()}.tmp")


def rename_over(draft: Path, path: Path) -> None:
    """Rename a draft over `path`. Windows refuses while a reader has it open, so try again for a while.

    Raises OSError.
    """
    for _ in range(_REPLACE_ATTEMPTS):
        try:
            draft.replace(path)
            return
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(_REPLACE_PAUSE_SECS)
    draft.replace(path)


def update_notes(root: Path, run_id: str, changes: dict[str, Any]) -> None:
    """Overlay what a person changed about a run in its notes.json; None takes a key away. Raises StorageError."""
    path = root / layout.RUNS / run_id / layout.NOTES_FILE
    try:
        try:
            before = read_regular(path)
        except FileNotFoundError:
            before = b""
        replace_bytes(path, changed_notes(before, changes))
    except (OSError, ValueError) as error:
        raise StorageError(f"The notes of run {run_id} cannot be written: {error}.") from error


def changed_notes(before: bytes, changes: Mapping[str, Any]) -> bytes:
    """Return the content of a notes.json after a change; what is damaged is begun anew. Raises ValueError."""
    notes = {**(decode_object(before) or {}), **changes}
    return encode_object({key: value for key, value in notes.items() if value is not None})


def claim_record_file(folder: Path, wanted: str | None = None) -> str:
    """Take a record file for a further writer of a run: metrics.WANTED.bin, else the next free metrics.rankN.bin.

    Creating its claim, and then the file, decides between processes that ask at once: who finds the file finds the
    claim as well. Raises OSError.
    """
    names = itertools.chain([f"metrics.{wanted}.bin"] if wanted else [], (f"metrics.rank{n}.bin" for n in _RANKS))
    for name in names:
        try:
            claim = claims.create(folder / layout.claim_file(name))
        except FileExistsError:
            continue
        if _take(folder / name):
            return name
        claim.release()
    raise FileExistsError(f"The run {folder.name} has too many writers.")


def _take(path: Path) -> bool:
    """Create a record file; return whether there was none, neither plain nor packed. Raises OSError."""
    packed = path.with_name(path.name + layout.PACKED_SUFFIX)
    try:
        if packed.exists():  # beside a plain file, what is packed would not be read any more
            return False
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    if packed.exists():  # there was a plain one until this moment
        path.unlink()
        return False
    return True


def _check_readable(root: Path) -> None:
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise _unusable(root, "cannot be read", error) from error


def _write_root_file(root: Path, now: float) -> None:
    """Say what the folder is, and give it an id; those of earlier versions have none."""
    path = root / layout.ROOT_FILE
    try:
        known = decode_object(read_regular(path))
    except FileNotFoundError:
        known = {"format": layout.FORMAT, "created_at": layout.iso(now)}
    if known is not None and "id" not in known:  # what cannot be understood is left as it is
        replace_json(path, {**known, "id": _unique()})


def _new_draft(target: Path) -> Path:
    """Create a folder for what is to become `target`, one that nobody else has. Raises OSError."""
    for _ in range(_DRAFT_ATTEMPTS):
        draft = target.with_name(f".new-{target.name}-{_unique()}")
        with contextlib.suppress(FileExistsError):
            draft.mkdir(parents=True)
            return draft
    raise FileExistsError(errno.EEXIST, "no name is free for a draft", os.fspath(target))


def _unique() -> str:
    """Return what no other call returns, here or in any process that shares the storage root."""
    return os.urandom(8).hex()


def _remove_draft(draft: Path) -> None:
    """Remove what is left of a draft of this call; nothing where it was renamed."""
    if not draft.exists():
        return
    with contextlib.suppress(OSError):
        for file in draft.iterdir():
            file.unlink()
        draft.rmdir()


def _unusable(root: Path, what: str, error: OSError) -> RootNotUsableError:
    return RootNotUsableError(f"The storage root {root} {what}: {error.strerror or error}.")
