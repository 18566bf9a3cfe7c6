"""Importing: what a path holds, whether it is in the root already, and one new run for each that is not."""

from __future__ import annotations

import contextlib
import enum
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runicorn.errors import RunicornError, SourceNotFoundError, SourceUnreadableError
from runicorn.exchange import csv_file, leftovers, mlflow_database, mlflow_files, tensorboard, wandb
from runicorn.exchange.draft import RunDraft
from runicorn.exchange.growth import has_grown, may_have_grown, origin_of, project_of
from runicorn.exchange.source import Source
from runicorn.storage import layout, reader
from runicorn.storage.files import LocalFiles
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.mlflow_text import DATABASE_HEAD
from runicorn.storage.writer import prepare_root


class Tool(enum.Enum):
    """Whose files are imported; AUTO looks at them."""

    AUTO = "auto"
    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    MLFLOW = "mlflow"
    CSV = "csv"


@dataclass(frozen=True)
class Imported:
    """What became of one source. run_id: of the new run, or of the one that was there. points: how many it has.

    has_grown: the one that was there was replaced, because the source holds more now.
    """

    source: Source
    run_id: str
    is_new: bool
    points: int = 0
    facts: Facts | None = None
    has_grown: bool = False


def find_sources(
    path: Path, tool: Tool = Tool.AUTO, *, step: str | None = None, looked: Callable[[int], None] = lambda size: None
) -> list[Source]:
    """Return the runs that a path holds. Raises SourceNotFoundError, SourceUnreadableError.

    step: the column of a CSV file that holds the step. looked: called with how many bytes more were read, where that
    takes long.
    """
    if not path.exists():
        raise SourceNotFoundError(f"There is no file or folder {path}.")
    try:
        found = next((sources for sources in _looks(path, tool, step, looked) if sources), None)
    except OSError as error:
        raise SourceUnreadableError(f"{path} cannot be read: {error.strerror or error}.") from error
    if found is None:
        what = "known to Runicorn" if tool is Tool.AUTO else f"of {tool.value}"
        raise SourceNotFoundError(f"{path} holds no runs {what}.")
    return found


def import_source(
    root: Path,
    source: Source,
    *,
    known: dict[tuple[str, str], str],
    project: str | None = None,
    force: bool = False,
    progress: Callable[[int, float], None] | None = None,
) -> Imported:
    """Make a run of a source, unless it is among the `known` ones, which it is then added to.

    Where the source only grew since then, the run that was there is replaced by all that it holds now.
    force: make a run all the same, a further one. project: where to file it, else where it comes from.
    progress: called with the number of points so far and the share of the source that was read, now and then.
    Raises SourceUnreadableError, RootNotUsableError.
    """
    try:
        key = (source.tool, source.identity)
        content = source.content
        before = None if force else _run_before(root, source, known)
        if before is not None and not may_have_grown(origin_of(root, before).get("content"), content):
            return Imported(source, before, is_new=False)
        with RunDraft(root, progress) as draft:
            facts = source.read(draft)
            if before is not None and not (
                draft.went_back or has_grown(root, before, draft.counts(), draft.events, facts.state.value)
            ):
                return Imported(source, before, is_new=False)
            if project is not None:
                facts = replace(facts, project=project)
            elif before is not None:
                facts = replace(facts, project=project_of(root, before) or facts.project)
            imported_from = {
                "tool": source.tool,
                "identity": source.identity,
                "content": content,
                "path": source.label,
                "imported_at": layout.iso(time.time()),
            }
            run_id = draft.finish(facts, imported_from, instead_of=before)
    except OSError as error:
        raise SourceUnreadableError(f"{source.label} cannot be imported: {error.strerror or error}.") from error
    known[key] = run_id
    return Imported(source, run_id, before is None, draft.points, facts, has_grown=before is not None)


def _run_before(root: Path, source: Source, known: Mapping[tuple[str, str], str]) -> str | None:
    """Return the run that this source was imported as, however much of it there was then."""
    runs = {identity: run_id for (tool, identity), run_id in known.items() if tool == source.tool}
    if source.identity in runs:
        return runs[source.identity]
    if not isinstance(source, csv_file.CsvFile):  # of all others the identity stays as they grow
        return None
    contents = {identity: str(origin_of(root, run_id).get("content")) for identity, run_id in runs.items()}
    identity = source.grew_from(contents)
    return None if identity is None else runs[identity]


def imported_before(root: Path) -> dict[tuple[str, str], str]:
    """Return the sources that the root's runs were imported from, by tool and identity, with the runs' ids."""
    files = LocalFiles(root)
    known: dict[tuple[str, str], str] = {}
    for folder in files.list(layout.RUNS):
        if layout.is_run_id(folder.name):
            info = reader.read_object(files, layout.run_path(folder.name, layout.RUN_FILE)) or {}
            origin = info.get("imported_from")
            if isinstance(origin, dict):
                known[(str(origin.get("tool")), str(origin.get("identity")))] = folder.name
    return known


def open_target(root: Path) -> dict[tuple[str, str], str]:
    """Make sure that the root is there, and return what was imported before. Raises RootNotUsableError.

    What an import left that was killed is removed, or put back.
    """
    prepare_root(root, now=time.time())
    leftovers.tidy(root)
    return imported_before(root)


def size_of(source: Source) -> int:
    """Return about how many bytes there are to read of a source; none where that cannot be told."""
    try:
        return source.size_bytes
    except (OSError, RunicornError):  # which is told when it is read
        return 0


def _looks(path: Path, tool: Tool, step: str | None, looked: Callable[[int], None]) -> Iterator[list[Source]]:
    """Yield what each tool's reader finds, the surest first."""
    is_folder, is_file, database = path.is_dir(), path.is_file(), path / "mlflow.db"
    is_table = is_folder or path.suffix.lower() in (".csv", ".tsv", ".txt")
    # For each: whether it may be, once a person says whose it is, and whether it looks so.
    kinds: list[tuple[Tool, bool, bool, Callable[[], Iterator[Source]]]] = [
        (Tool.WANDB, True, is_folder or path.suffix == ".wandb", lambda: wandb.find(path)),
        (Tool.MLFLOW, is_file, is_file and _is_database(path), lambda: mlflow_database.find(path)),
        (Tool.MLFLOW, is_folder, is_folder, lambda: mlflow_files.find(path)),
        (Tool.MLFLOW, database.is_file(), database.is_file(), lambda: mlflow_database.find(database)),
        (Tool.TENSORBOARD, is_folder, is_folder, lambda: tensorboard.find(path)),
        (Tool.CSV, True, is_table, lambda: csv_file.find(path, step, looked)),
    ]
    for kind, may_be, fits, find in kinds:
        if (tool is kind and may_be) or (tool is Tool.AUTO and fits):
            yield list(find())


def _is_database(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(DATABASE_HEAD)) == DATABASE_HEAD
    return False
