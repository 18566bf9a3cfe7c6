"""Which files of a folder are logs that other tools wrote: by their names, then by their first bytes. Pure.

A table or a text that is no log must not become a run, so a file is one only where its first rows count steps or epochs
and hold metrics as numbers. One with too few rows to tell is none yet; it is to be asked again when it grew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from runicorn.storage import layout
from runicorn.storage.foreign import mlflow_text, wandb_names
from runicorn.storage.foreign.csv_rows import CsvRows, roles_of
from runicorn.storage.foreign.json_rows import MOMENTS, STEPS, object_of, row_of
from runicorn.storage.foreign.kinds import TIMESTEPS, Kind
from runicorn.storage.foreign.lines import cut
from runicorn.storage.foreign.taken import Warnings
from runicorn.storage.foreign.trainer_log import HISTORY, checkpoint_number
from runicorn.storage.foreign.wandb_frames import is_wandb_file
from runicorn.tables import columns
from runicorn.tables.dialect import recognise

# What kind_of() wants to see of a file at most: a header of 10,000 columns and a row below it.
HEAD_BYTES = 1 << 18
TRAINER_STATE = "trainer_state.json"
MLFLOW_DATABASE = "mlflow.db"
_JSON_NAMES = {"log.json", "scalars.json", "progress.json", "log.txt"}
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".log.json")
_CSV_KINDS = {"metrics.csv": Kind.LIGHTNING, "results.csv": Kind.ULTRALYTICS, "progress.csv": Kind.STABLE_BASELINES}
# Names that a tool chooses, not a person.
FIXED_NAMES = frozenset({TRAINER_STATE, MLFLOW_DATABASE, *_JSON_NAMES, *_CSV_KINDS})
_LOSS = re.compile(r"loss", re.IGNORECASE)
_SEEN_LINES = 50
# Logs hold names and modes beside their numbers; data sets hold sentences.
_MOST_TEXT_CHARACTERS = 200


@dataclass(frozen=True)
class Candidate:
    """A file that may be a log. path: below the folder, with slashes; a checkpoint's lies one folder deeper.

    kinds: what its name allows, the likeliest first. segments: of a run of W&B, the paths of its logs, one a process.
    """

    path: str
    kinds: tuple[Kind, ...]
    segments: tuple[str, ...] = ()


def candidates(names: Iterable[str], folder: str = "") -> list[Candidate]:
    """Return what may be a log in a folder. names: of all its files and folders. folder: its own name.

    A Trainer's run is its output folder: all its trainer_state.json are candidates, the latest checkpoint's last, of
    which newest_state() says the log; and a folder that is a checkpoint has none. Runicorn's own runs have none.
    """
    found = sorted(set(names))
    if layout.RUN_FILE in found and layout.METRICS_FILE in found:
        return []
    lines = [Candidate(name, kinds) for name in found if (kinds := _kinds(name, found))]
    return lines + _wandb_runs(found) + ([] if checkpoint_number(folder) is not None else _states(found))


def kind_of(candidate: Candidate, head: bytes) -> Kind | None:
    """Return what kind of log a file is, or None where it is none. head: its first HEAD_BYTES, or all there are."""
    return next((kind for kind in candidate.kinds if _IS_LOG[kind](kind, head)), None)


def _kinds(name: str, names: Collection[str]) -> tuple[Kind, ...]:
    lower = name.lower()
    if layout.event_files([name]) or name.startswith("."):
        return ()
    if lower == "progress.json" and "progress.csv" in names:  # the same, written twice
        return ()
    if lower in _JSON_NAMES or lower.endswith(_JSON_SUFFIXES):
        return (Kind.JSON_LINES,)
    if lower == MLFLOW_DATABASE:
        return (Kind.MLFLOW_DATABASE,)
    if not lower.endswith(".csv"):
        return ()
    return (_CSV_KINDS[lower], Kind.KERAS) if lower in _CSV_KINDS else (Kind.KERAS,)


def _wandb_runs(names: Iterable[str]) -> list[Candidate]:
    """Return the runs of W&B of which the folders, or the logs themselves, are in a folder."""
    alone = [Candidate(name, (Kind.WANDB,), (name,)) for name in names if wandb_names.is_log(name)]
    return alone + [
        Candidate(log, (Kind.WANDB,), tuple(f"{folder}/{log}" for folder in folders))
        for log, folders in wandb_names.segments(names).items()
    ]


def _is_wandb_log(kind: Kind, head: bytes) -> bool:
    return is_wandb_file(head)


def mlflow_run(names: Collection[str], folders: Collection[str]) -> Candidate | None:
    """Return the run of MLflow's file store that a folder may be, by the names of what is in it."""
    parts = {mlflow_text.METRICS, mlflow_text.PARAMS, mlflow_text.TAGS} & set(folders)
    return Candidate(mlflow_text.META, (Kind.MLFLOW,)) if mlflow_text.META in names and parts else None


def _is_mlflow_run(kind: Kind, head: bytes) -> bool:
    meta = mlflow_text.meta_of(head.decode("utf-8", "replace"))
    return mlflow_text.is_run(meta) and meta.get("lifecycle_stage") != mlflow_text.DELETED


def _is_database(kind: Kind, head: bytes) -> bool:
    return head.startswith(mlflow_text.DATABASE_HEAD)


def _states(names: Iterable[str]) -> list[Candidate]:
    numbers = {number: name for name in names if (number := checkpoint_number(name)) is not None}
    paths = [f"{numbers[number]}/{TRAINER_STATE}" for number in sorted(numbers)]
    if TRAINER_STATE in names:
        paths.insert(0, TRAINER_STATE)
    return [Candidate(path, (Kind.TRAINER,)) for path in paths]


def _is_trainer_state(kind: Kind, head: bytes) -> bool:
    # Keys are sorted, and the history comes after some of them; where it is long, it fills the head.
    return head.lstrip().startswith(b"{") and f'"{HISTORY}"'.encode() in head


def _is_json_log(kind: Kind, head: bytes) -> bool:
    lines = [line for line in cut(head).lines[:_SEEN_LINES] if line is not None and line.strip()]
    found = [object_of(line) for line in lines]
    good = sum(each is not None and _is_json_row(each) for each in found)
    return good > 0 and 2 * good >= len(lines)  # the first may tell of the machine


def _is_json_row(found: dict[str, object]) -> bool:
    row = row_of(found)
    others = {name: value for name, value in found.items() if name not in STEPS and name not in MOMENTS}
    texts = [value for value in others.values() if isinstance(value, (str, list))]
    if sum(map(len, texts)) > _MOST_TEXT_CHARACTERS or not _has_parts(others.values()):
        return False
    if row.step is not None:
        return len(texts) <= len(row.values)
    return len(row.values) >= len(others) and any(_LOSS.search(name) for name, _ in row.values)


def _has_parts(values: Iterable[object]) -> bool:
    """Tell whether a number among them, or in a mapping among them, is written as one that may have parts."""
    return any(
        isinstance(value, float)
        or (isinstance(value, dict) and any(isinstance(each, float) for each in value.values()))
        for value in values
    )


def _is_csv_log(kind: Kind, head: bytes) -> bool:
    if not recognise(head).encoding.startswith("utf-8"):
        return False
    reader, warnings = CsvRows(kind), Warnings()
    rows, _ = reader.read(cut(head), warnings)
    header = reader.header
    if header is None or not rows or columns.is_long(header) or not _has_columns(kind, header):
        return False
    refused = sum(warnings.counts.values()) - warnings.counts.get("text-cell", 0)
    numbers = sum(len(row.values) for row in rows)
    return numbers > warnings.counts.get("text-cell", 0) and 2 * refused <= len(rows)


def _has_columns(kind: Kind, header: Sequence[str]) -> bool:
    names = [name.lower() for name in header]
    metrics = [header[at] for at in roles_of(kind, header).others]
    if kind is Kind.LIGHTNING:
        return "step" in names
    if kind is Kind.STABLE_BASELINES:
        return TIMESTEPS in header
    has_loss = any(_LOSS.search(name) for name in metrics)
    if kind is Kind.ULTRALYTICS:
        return names[0] == columns.EPOCH and any("/" in name for name in metrics)
    return names[0] == columns.EPOCH and has_loss


_IS_LOG = {
    Kind.LIGHTNING: _is_csv_log,
    Kind.ULTRALYTICS: _is_csv_log,
    Kind.STABLE_BASELINES: _is_csv_log,
    Kind.KERAS: _is_csv_log,
    Kind.JSON_LINES: _is_json_log,
    Kind.TRAINER: _is_trainer_state,
    Kind.WANDB: _is_wandb_log,
    Kind.MLFLOW: _is_mlflow_run,
    Kind.MLFLOW_DATABASE: _is_database,
}
