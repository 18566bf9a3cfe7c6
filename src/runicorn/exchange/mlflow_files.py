"""Runs out of MLflow's file store: mlruns/<experiment>/<run>/{meta.yaml, metrics/, params/, tags/, artifacts/}."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runicorn.errors import SourceUnreadableError
from runicorn.exchange import mlflow
from runicorn.exchange.source import Sink
from runicorn.storage.foreign.facts import Facts

MAX_ARTIFACT_BYTES = 64 * 2**20  # models stay where they are, rather than filling the disk a second time
_META = "meta.yaml"
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
        return f"files {len(files)} {sum(path.stat().st_size for path in [self.path / _META, *files])}"

    @property
    def size_bytes(self) -> int:
        return _sizes(_below(self.path / "metrics")) + _sizes(_below(self.path / "artifacts"))

    def read(self, sink: Sink) -> Facts:
        meta = read_meta(self.path / _META)
        if meta is None:
            raise SourceUnreadableError(f"{self.path} has no {_META} of MLflow.")
        unreadable = 0
        rows: list[tuple[int, str, int, float]] = []
        metrics = _below(self.path / "metrics")
        done, to_do = 0, 2 * _sizes(metrics) + _sizes(_below(self.path / "artifacts"))  # metrics are gone over twice
        for name, path in metrics:
            done += path.stat().st_size
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    millis, value, *step = line.split()
                    rows.append((int(millis), name, int(step[0]) if step else 0, float(value)))
                except ValueError:
                    unreadable += 1
            sink.read_so_far(min(1.0, done / max(1, to_do)))
        # One metric is one file; together they are in the order of time, as they were logged.
        rows.sort(key=lambda row: row[0])
        for position, (at, name, number, metric_value) in enumerate(rows):
            if not position % _PROGRESS_ROWS:
                sink.read_so_far(min(1.0, done * (1 + position / len(rows)) / max(1, to_do)))
            sink.point(name, number, at / 1000, metric_value)
        experiment = (read_meta(self.path.parent / _META) or {}).get("name") or "mlflow"
        found = mlflow.facts(
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
        return replace(found, warnings={kind: count for kind, count in warnings.items() if count})


def find(path: Path) -> Iterator[RunFolder]:
    """Yield the runs of a store, of one of its experiments, or the one run that `path` is."""
    if _is_run(path):
        yield RunFolder(path)
        return
    for root in (path, path / "mlruns"):
        for meta in sorted([*root.glob(f"*/{_META}"), *root.glob(f"*/*/{_META}")]):
            if _is_run(meta.parent) and (read_meta(meta) or {}).get("lifecycle_stage") != "deleted":
                yield RunFolder(meta.parent)


def read_meta(path: Path) -> dict[str, str] | None:
    """Return the flat part of a meta.yaml, which is all that MLflow writes of use; None where there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith((" ", "-", "#")))
    return {key.strip(): _unquoted(value.strip()) for key, value in pairs}


def _is_run(path: Path) -> bool:
    return (path / _META).is_file() and "run_id" in (read_meta(path / _META) or {})


def _unquoted(value: str) -> str:
    if value in ("null", "~"):
        return ""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace("''", "'") if value[0] == "'" else value[1:-1]
    return value


def _sizes(files: list[tuple[str, Path]]) -> int:
    return sum(path.stat().st_size for _, path in files)


def _texts(folder: Path) -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in _below(folder)}


def _below(folder: Path) -> list[tuple[str, Path]]:
    """Return the files below a folder with their names, whose slashes are folders; links are left where they are."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)
