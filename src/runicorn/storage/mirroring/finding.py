"""Where below a root logs of others lie: event files, and what other tools wrote."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from runicorn.storage import layout
from runicorn.storage.files import Files, FileStat, Scan
from runicorn.storage.foreign import mlflow_text
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.recognition import (
    FIXED_NAMES,
    MLFLOW_DATABASE,
    TRAINER_STATE,
    Candidate,
    candidates,
    mlflow_run,
)
from runicorn.storage.foreign.wandb_names import OUTPUT, is_log
from runicorn.storage.tensorboard.logdir import EventFile, event_file, is_event_file, run_id

# PyTorch's and tensorboardX's add_hparams() make such a folder below the writer's own, named by the time.
_SESSION = re.compile(r"\d{9,11}\.\d+")
_MAX_DEPTH = 16
# What is never a logdir, and may be large.
_PASSED_OVER = {"node_modules", "site-packages", "__pycache__"}
_MOST_CHOSEN_NAMES = 100
_BY_NAME = {Kind.TRAINER, Kind.WANDB}
_OF_MLFLOW = (mlflow_text.METRICS, mlflow_text.PARAMS, mlflow_text.TAGS)
_MARKS = (
    *("tfevents", layout.RUN_FILE, layout.METRICS_FILE, ".wandb", mlflow_text.META, MLFLOW_DATABASE),
    *(".csv", ".jsonl", ".ndjson", "log.json", "log.txt", "scalars.json", "progress.json", TRAINER_STATE),
)


@dataclass(frozen=True)
class EventFolder:
    """A folder that holds event files. path: below the root, with slashes, empty for the root itself."""

    path: str
    files: tuple[EventFile, ...]

    @property
    def run_id(self) -> str:
        return run_id(self.path)


@dataclass(frozen=True)
class LogFile:
    """What may be a log of another tool. path: of its folder, as above.

    files: of a Trainer, in each checkpoint; of a run of W&B, the logs of its segments, then what these printed; of one
    of MLflow's, its meta.yaml, then its metrics, parameters and tags.
    """

    path: str
    files: tuple[EventFile, ...]
    candidate: Candidate

    @property
    def log_path(self) -> str:
        """Where it lies below the root; of a Trainer, where its last state will."""
        return f"{self.path}/{self.candidate.path}" if self.path else self.candidate.path

    @property
    def run_id(self) -> str:
        return run_id(self.log_path, "log")


Log: TypeAlias = EventFolder | LogFile


class Unreadable(NamedTuple):
    """A folder below the root that cannot be read now: of what lies below it, nothing is known."""

    path: str


def walk(files: Files) -> Iterator[Log | Unreadable | None]:
    """Yield each log, None for each folder that holds none, and folders that cannot be read; as it goes.

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
        sessions, states, of_mlflow = _sessions(files, looked), _states(files, looked), _mlflow_runs(files, looked)
        for path, depth, scan, folders in looked:
            if isinstance(scan, OSError):
                if not path:
                    raise scan
                yield Unreadable(path)
                continue
            if _is_own_run(scan):
                yield None
                continue
            mlflow = of_mlflow.get(path, [])
            if isinstance(mlflow, OSError):
                yield Unreadable(path)
                continue
            session, more = sessions.get(path, ("", []))
            events = [*_event_files(scan), *more]
            inside = states.get(path, {})
            passed = _OF_MLFLOW if mlflow else ()
            taken = {session, *passed, *(name.partition("/")[0] for name in inside if name.endswith(".wandb"))}
            if depth < _MAX_DEPTH:
                pending.extend((f"{path}/{name}" if path else name, depth + 1) for name in folders if name not in taken)
            if events:
                yield EventFolder(path, tuple(sorted(events, key=lambda file: file.name)))
            others = list(_log_files(path, scan, inside))
            if mlflow:
                others.append(LogFile(path, tuple(mlflow), Candidate(mlflow_text.META, (Kind.MLFLOW,))))
            yield from others
            if not events and not others:
                yield None


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


def _candidates(path: str, scan: Scan) -> list[Candidate]:
    names = [*(file.name for file in scan.files), *scan.folders]
    found = candidates(names, path.rsplit("/", 1)[-1])
    # A folder with hundreds of tables is a data set, and none of them is read to find that out.
    chosen = [each for each in found if each.path.lower() in FIXED_NAMES or not _BY_NAME.isdisjoint(each.kinds)]
    return found if len(found) - len(chosen) <= _MOST_CHOSEN_NAMES else chosen


def _states(files: Files, looked: Sequence[_Looked]) -> dict[str, dict[str, FileStat]]:
    """Return what of logs lies one folder deeper, by name: a Trainer's checkpoints, and segments of W&B's runs."""
    wanted = [
        (path, name)
        for path, _, scan, _ in looked
        if not isinstance(scan, OSError) and not _is_own_run(scan)
        for each in _candidates(path, scan)
        for name in _below(each)
    ]
    stats = files.stats([f"{path}/{name}" if path else name for path, name in wanted]) if wanted else []
    found: dict[str, dict[str, FileStat]] = {}
    for (path, name), status in zip(wanted, stats, strict=True):
        if isinstance(status, FileStat):
            found.setdefault(path, {})[name] = status
    return found


def _mlflow_runs(files: Files, looked: Sequence[_Looked]) -> dict[str, list[EventFile] | OSError]:
    """Return the files of each of MLflow's runs among some folders, meta.yaml first; names with slashes lie deeper."""
    found: dict[str, list[EventFile] | OSError] = {}
    pending: list[tuple[str, str]] = []
    for path, _, scan, _ in looked:
        if not isinstance(scan, OSError) and mlflow_run({file.name for file in scan.files}, scan.folders) is not None:
            found[path] = [event_file(file.name, file) for file in scan.files if file.name == mlflow_text.META]
            pending += [(path, folder) for folder in _OF_MLFLOW if folder in scan.folders]
    for _ in range(_MAX_DEPTH):
        if not pending:
            break
        entries = files.look([f"{path}/{folder}" if path else folder for path, folder in pending])
        deeper: list[tuple[str, str]] = []
        for (path, folder), inside in zip(pending, entries, strict=True):
            known = found[path]
            if isinstance(known, OSError):
                continue
            if isinstance(inside, OSError):
                found[path] = inside
                continue
            known += [event_file(f"{folder}/{each.name}", each) for each in inside if not each.is_dir]
            deeper += [(path, f"{folder}/{each.name}") for each in inside if each.is_dir and not each.is_link]
        pending = deeper
    for each in found.values():
        if isinstance(each, list):
            each.sort(key=lambda file: (file.name != mlflow_text.META, file.name))
    return found


def _below(candidate: Candidate) -> list[str]:
    """Return the files of a log that lie in folders below its own."""
    if not candidate.segments:
        return [candidate.path] if "/" in candidate.path else []
    found = [name for name in candidate.segments if "/" in name]
    return found + [f"{name.rpartition('/')[0]}/{OUTPUT}".lstrip("/") for name in candidate.segments]


def _log_files(path: str, scan: Scan, states: Mapping[str, FileStat]) -> Iterator[LogFile]:
    """Yield the logs of other tools in a folder, as far as their names tell."""
    known = {**{file.name: file for file in scan.files}, **states}
    of_trainer: list[EventFile] = []
    for each in _candidates(path, scan):
        if each.segments:
            files = tuple(event_file(name, known[name]) for name in (*each.segments, *_below(each)) if name in known)
            logs = tuple(dict.fromkeys(files))
            if any(is_log(file.name.rpartition("/")[2]) for file in logs):
                yield LogFile(path, logs, each)
            continue
        if each.path not in known:
            continue
        file = event_file(each.path, known[each.path])
        if Kind.TRAINER in each.kinds:
            of_trainer.append(file)
            continue
        beside = f"{each.path}-wal"
        is_database = Kind.MLFLOW_DATABASE in each.kinds and beside in known
        yield LogFile(path, (file, event_file(beside, known[beside])) if is_database else (file,), each)
    if of_trainer:
        yield LogFile(path, tuple(of_trainer), Candidate(TRAINER_STATE, (Kind.TRAINER,)))


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
