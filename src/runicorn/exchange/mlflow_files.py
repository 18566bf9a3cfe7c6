"""Runs out of MLflow's file store: mlruns/<experiment>/<run>/{meta.yaml, metrics/, params/, tags/, artifacts/}."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.source import Sink
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.mlflow_facts import facts
from runicorn.storage.foreign.mlflow_text import DELETED, META, is_run, meta_of, point_of
from runicorn.storage.foreign.taken import Point

MAX_ARTIFACT_BYTES = 64 * 2**20  # models stay where they are, rather than filling the disk a second time
_PROGRESS_ROWS = 1000


@dataclass(frozen=True)
class RunFolder:
    """Implements Source: the folder of one run."""

    path: Path
    tool: str = "mlflow"

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def identity(self) -> str:
        return self.path.name

    @property
    def content(self) -> str:
        files = [path for name in ("metrics", "params", "tags", "artifacts") for _, path in _below(self.path / name)]
        return f"files {len(files)} {sum(path.stat().st_size for path in [self.path / META, *files])}"

    @property
    def size_bytes(self) -> int:
        return _sizes(_below(self.path / "metrics")) + _sizes(_below(self.path / "artifacts"))

    def read(self, sink: Sink) -> Facts:
        meta = read_meta(self.path / META)
        if meta is None:
            raise SourceUnreadableError(f"{self.path} has no {META} of MLflow.")
        unreadable = 0
        points: list[Point] = []
        metrics = _below(self.path / "metrics")
        done, to_do = 0, 2 * _sizes(metrics) + _sizes(_below(self.path / "artifacts"))  # metrics are gone over twice
        for name, path in metrics:
            done += path.stat().st_size
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                point = point_of(name, line)
                if point is None:
                    unreadable += 1
                else:
                    points.append(point)
            sink.read_so_far(min(1.0, done / max(1, to_do)))
        # One metric is one file; together they are in the order of time, as they were logged.
        points.sort(key=lambda point: point.time or 0.0)
        for position, point in enumerate(points):
            if not position % _PROGRESS_ROWS:
                sink.read_so_far(min(1.0, done * (1 + position / len(points)) / max(1, to_do)))
            sink.point(point.metric, point.step, point.time or 0.0, point.value)
        experiment = (read_meta(self.path.parent / META) or {}).get("name") or "mlflow"
        found = facts(
            self.path.name,
            meta.get("run_name", ""),
            experiment,
            meta.get("status", ""),
            meta.get("start_time"),
            meta.get("end_time"),
            _texts(self.path / "params"),
            _texts(self.path / "tags"),
            meta.get("user_id", ""),
        )
        large, metrics_bytes = 0, done
        for name, path in _below(self.path / "artifacts"):
            if path.stat().st_size > MAX_ARTIFACT_BYTES:
                large += 1
            else:
                sink.media(f"media/artifacts/{name}", path)
            done += path.stat().st_size
            sink.read_so_far(min(1.0, (metrics_bytes + done) / max(1, to_do)))
        warnings = {"unreadable-metric-line": unreadable, "large-artifact": large}
        return replace(found.ended(), warnings={kind: count for kind, count in warnings.items() if count})


def find(path: Path) -> Iterator[RunFolder]:
    """Yield the runs of a store, of one of its experiments, or the one run that `path` is."""
    if _is_run(path):
        yield RunFolder(path)
        return
    for root in (path, path / "mlruns"):
        for meta in sorted([*root.glob(f"*/{META}"), *root.glob(f"*/*/{META}")]):
            if _is_run(meta.parent) and (read_meta(meta) or {}).get("lifecycle_stage") != DELETED:
                yield RunFolder(meta.parent)


def read_meta(path: Path) -> dict[str, str] | None:
    """Return what a meta.yaml says; None where there is none."""
    try:
        return meta_of(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _is_run(path: Path) -> bool:
    return (path / META).is_file() and is_run(read_meta(path / META) or {})


def _sizes(files: list[tuple[str, Path]]) -> int:
    return sum(path.stat().st_size for _, path in files)


def _texts(folder: Path) -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in _below(folder)}


def _below(folder: Path) -> list[tuple[str, Path]]:
    """Return the files below a folder with their names, whose slashes are folders; links are left where they are."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)
