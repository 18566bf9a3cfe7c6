"""One run of MLflow's file store, followed and kept as a run of our own format.

Each metric is a file of lines; parameters and tags are a small file each, and meta.yaml says how the run stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn.storage.files import Files, Range, found_or_raise
from runicorn.storage.foreign import mlflow_text
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.lines import MAX_LINE_BYTES
from runicorn.storage.foreign.mlflow_facts import facts
from runicorn.storage.growing import OLD_SECS
from runicorn.storage.mirroring.finding import LogFile
from runicorn.storage.mirroring.mirrored_run import CHUNK_BYTES, MirroredRun, UnreadError
from runicorn.storage.mirroring.told_run import told_info, told_note, told_status
from runicorn.storage.tensorboard.logdir import EventFile
from runicorn.storage.tensorboard.translate import Batch

# Of a parameter MLflow keeps 8,000 characters.
_MAX_SMALL_BYTES = 1 << 16
_MOST_SMALL = 5000
_LEAST_READ_BYTES = 1 << 12
_HEAD_BYTES = 64


@dataclass
class _Metric:
    """How far a metric's file was read. head, anchor: its first bytes, and those before `offset`, which mark it."""

    offset: int = 0
    head: bytes = b""
    anchor: bytes = b""


class MlflowMirror(MirroredRun):
    """log: the run's folder, whose files are meta.yaml, parameters, tags and metrics. See MirroredRun."""

    state_version = 1
    recorded_by = "mlflow"
    _experiment: str | None

    def __init__(
        self,
        home: Path,
        log: LogFile,
        files: Files,
        root_name: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log_folder = log.path
        self._now = now
        super().__init__(
            home, log.run_id, files, path=log.log_path, filed=log.path, root_name=root_name, monotonic=monotonic
        )

    def follow(self, files: Sequence[EventFile], *, limit_bytes: int = CHUNK_BYTES) -> bool:
        heartbeat_at = max((file.mtime for file in files), default=0.0)
        changed = not self._created or heartbeat_at != self._heartbeat_at
        small: list[EventFile] = []
        metrics: list[EventFile] = []
        for file in files:
            (metrics if file.name.startswith(f"{mlflow_text.METRICS}/") else small).append(file)
        try:
            if self._is_cut(metrics, {name: each.offset for name, each in self._metrics.items()}):
                self._restart()
            changed |= self._read_small(small)
            taken, more = self._read_metrics(metrics, max(_LEAST_READ_BYTES, limit_bytes))
        except UnreadError as error:
            self._leave_out(mlflow_text.META, error.__cause__, "unreadable-log")
            return False
        (self.unread.add if self._waits else self.unread.discard)(mlflow_text.META)
        if changed or taken:
            self._commit(heartbeat_at)
        return more

    def _read_small(self, files: Sequence[EventFile]) -> bool:
        """Read what is new of meta.yaml, parameters and tags; tell whether anything is. Raises UnreadError."""
        self._waits = False
        new = [file for file in files[:_MOST_SMALL] if self._seen.get(file.name) != file]
        names = {file.name for file in files}
        gone = [name for name in self._texts if name not in names]  # a tag that was taken away
        for name in gone:
            del self._texts[name]
            self._seen.pop(name, None)
        wanted = [Range(self._file(file.name), 0, _MAX_SMALL_BYTES) for file in new]
        folder = self._log_folder.rpartition("/")[0]
        if new and self._experiment is None and self._log_folder:
            path = f"{folder}/{mlflow_text.META}" if folder else mlflow_text.META
            wanted.append(Range(path, 0, _MAX_SMALL_BYTES))
        if not wanted:
            return bool(gone)
        try:
            found = self._source.fetch(wanted)
        except OSError as error:
            raise UnreadError from error
        for file, data in zip(new, found, strict=False):
            if isinstance(data, OSError):
                if not isinstance(data, FileNotFoundError):
                    raise UnreadError from data
                continue
            is_young = self._now() - file.mtime < OLD_SECS
            if len(data) < min(file.size_bytes, _MAX_SMALL_BYTES) or (is_young and (not data or b"\0" in data)):
                self._waits = True  # its bytes are still coming
                continue
            self._texts[file.name] = data.decode("utf-8", "replace")
            self._seen[file.name] = file
        if len(found) > len(new) and not isinstance(found[-1], OSError):
            self._experiment = mlflow_text.meta_of(found[-1].decode("utf-8", "replace")).get("name") or None
        return True

    def _read_metrics(self, files: Sequence[EventFile], limit: int) -> tuple[int, bool]:
        """Take in what is new of the metrics; return how many bytes that were, and whether more is left."""
        due = [file for file in files if self._seen.get(file.name) != file]
        asked: list[tuple[EventFile, int]] = []
        left = limit
        for file in due:
            if left <= 0:
                break
            at = self._metrics.setdefault(file.name, _Metric()).offset
            asked.append((file, min(max(_LEAST_READ_BYTES, left), max(0, file.size_bytes - at))))
            left -= asked[-1][1]
        if not asked:
            return 0, False
        metrics = [self._metrics[file.name] for file, _ in asked]
        ranges = [
            Range(self._file(file.name), metric.offset - len(metric.anchor), len(metric.anchor) + length)
            for (file, length), metric in zip(asked, metrics, strict=True)
        ]
        ranges += [Range(self._file(file.name), 0, _HEAD_BYTES) for file, _ in asked]
        try:
            found = [found_or_raise(each) for each in self._source.fetch(ranges)]
        except OSError as error:
            raise UnreadError from error
        pieces, heads = found[: len(asked)], found[len(asked) :]
        if not all(map(_is_same, metrics, heads, pieces)):
            self._restart()
            return 0, True
        batch, taken, more = Batch(), 0, len(asked) < len(due)
        for (file, length), metric, head, piece in zip(asked, metrics, heads, pieces, strict=True):
            metric.head = head
            done, is_all = self._take_lines(batch, file, piece[len(metric.anchor) :])
            metric.anchor = piece[: len(metric.anchor) + done][-_HEAD_BYTES:]
            taken += done
            if is_all:
                self._seen[file.name] = file
            elif done or length < file.size_bytes - self._metrics[file.name].offset:
                more = True
        self._append(batch)
        return taken, more

    def _take_lines(self, batch: Batch, file: EventFile, data: bytes) -> tuple[int, bool]:
        """Take the whole lines of a piece; return how many bytes they are, and whether nothing is left but a torn one.

        Zeros are no lines yet: on network disks, they may stand for a moment where bytes are still coming.
        """
        metric, name = self._metrics[file.name], file.name.partition("/")[2]
        end = data.rfind(b"\n") + 1
        if not end and len(data) > MAX_LINE_BYTES:
            end = len(data)
        zeros = data.find(b"\0", 0, end)
        if zeros != -1 and self._now() - file.mtime < OLD_SECS:
            end = data.rfind(b"\n", 0, zeros) + 1
        for line in data[:end].splitlines():
            point = mlflow_text.point_of(name, line.decode("utf-8", "replace"))
            if point is None or point.time is None:
                self._translator.warn("unreadable-metric-line")
                continue
            if self._translator.started_at is None:
                self._translator.started_at = point.time
            self._add_point(batch, name, point.step, point.time, point.value)
        metric.offset += end
        return end, metric.offset - end + len(data) >= file.size_bytes and zeros == -1

    @property
    def exists(self) -> bool:
        return super().exists and self._meta().get("lifecycle_stage") != mlflow_text.DELETED

    def _meta(self) -> dict[str, str]:
        return mlflow_text.meta_of(self._texts.get(mlflow_text.META, ""))

    def _is_begun(self) -> bool:
        return mlflow_text.META in self._texts

    def _facts(self) -> Facts:
        meta = self._meta()
        return facts(
            meta.get("run_id", ""),
            meta.get("run_name", ""),
            self._experiment or "mlflow",
            meta.get("status", ""),
            meta.get("start_time"),
            meta.get("end_time"),
            self._below(mlflow_text.PARAMS),
            self._below(mlflow_text.TAGS),
            meta.get("user_id", ""),
        )

    def _below(self, folder: str) -> dict[str, str]:
        return {
            name.removeprefix(f"{folder}/"): text for name, text in self._texts.items() if name.startswith(f"{folder}/")
        }

    def _info(self, heartbeat_at: float) -> dict[str, Any]:
        return {**super()._info(heartbeat_at), **told_info(self._facts(), self.run_id)}

    def _status(self, heartbeat_at: float) -> dict[str, Any]:
        return {**super()._status(heartbeat_at), **told_status(self._facts(), heartbeat_at)}

    def _note(self) -> str:
        return told_note(self._facts())

    def _begin_own(self) -> None:
        self._metrics: dict[str, _Metric] = {}
        self._texts: dict[str, str] = {}
        self._seen: dict[str, EventFile] = {}
        self._experiment = None
        self._waits = False

    def _noted(self) -> None:
        """Nothing is found by the note."""

    def _own_state(self) -> dict[str, Any]:
        return {
            "metrics": {
                name: [each.offset, each.head.hex(), each.anchor.hex()] for name, each in self._metrics.items()
            },
            "texts": self._texts,
            "experiment": self._experiment,
        }

    def _take_own_state(self, state: dict[str, Any]) -> None:
        metrics = {
            str(name): _Metric(int(offset), bytes.fromhex(head), bytes.fromhex(anchor))
            for name, (offset, head, anchor) in state["metrics"].items()
        }
        texts = {str(name): str(text) for name, text in state["texts"].items()}
        self._metrics, self._texts, self._experiment = metrics, texts, state["experiment"]


def _is_same(known: _Metric, head: bytes, piece: bytes) -> bool:
    """Tell whether a file is the one that was read so far. piece: from the anchor on."""
    return head.startswith(known.head) and piece.startswith(known.anchor)
