"""What stands in the files of MLflow's stores: a meta.yaml, the lines of a metric, the head of a database. Pure."""

from __future__ import annotations

from runicorn.storage.foreign.taken import Point

META = "meta.yaml"
METRICS, PARAMS, TAGS, ARTIFACTS = "metrics", "params", "tags", "artifacts"
DELETED = "deleted"
DATABASE_HEAD = b"SQLite format 3\0"


def meta_of(text: str) -> dict[str, str]:
    """Return the flat part of a meta.yaml, which is all that MLflow writes of use."""
    lines = text.splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith((" ", "-", "#")))
    return {key.strip(): _unquoted(value.strip()) for key, value in pairs}


def is_run(meta: dict[str, str]) -> bool:
    """Tell whether it is a run's, not an experiment's."""
    return "run_id" in meta


def point_of(metric: str, line: str) -> Point | None:
    """Return the point in a line of a metric's file, `milliseconds value step`; None where there is none."""
    try:
        millis, value, *step = line.split()
        number = int(step[0]) if step else 0
        if not -(2**63) <= number < 2**63:
            return None
        return Point(metric, number, int(millis) / 1000, float(value))
    except (ValueError, OverflowError):
        return None


def _unquoted(value: str) -> str:
    if value in ("null", "~"):
        return ""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace("''", "'") if value[0] == "'" else value[1:-1]
    return value
