"""What MLflow's two stores have in common: how names, parameters, tags and times become a run's facts. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from runicorn.model import RunState
from runicorn.storage.foreign.facts import Facts

MAX_FLOAT = 1.7976931348623157e308
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_STATES = {"FINISHED": RunState.FINISHED, "FAILED": RunState.FAILED, "KILLED": RunState.KILLED}
_STATES_BY_NUMBER = {"3": "FINISHED", "4": "FAILED", "5": "KILLED"}


def facts(
    run_id: str, name: str, experiment: str, status: str, start_ms: Any, end_ms: Any, params: Mapping[str, str],
    tags: Mapping[str, str], user: str,
) -> Facts:  # fmt: skip
    """Return a run's facts. status: MLflow's word or number for it; the times are milliseconds, None if unknown."""
    started_at = _seconds(start_ms) or 0.0
    ended_at = _seconds(end_ms)
    state = _STATES.get(_STATES_BY_NUMBER.get(status, status))
    return Facts(
        name=tags.get("mlflow.runName") or name or run_id,
        project=experiment,
        created_at=started_at,
        finished_at=ended_at,
        state=state or RunState.RUNNING,
        exit_reason="MLflow says that it failed." if state is RunState.FAILED else None,
        config={key: plain(value) for key, value in sorted(params.items())},
        tags=tuple(_tag(key, value) for key, value in sorted(tags.items()) if not key.startswith("mlflow.")),
        note=tags.get("mlflow.note.content", ""),
        user=tags.get("mlflow.user") or user,
    )


def plain(text: str) -> Any:
    """Return the number or truth value that a parameter's text is, else the text: MLflow knows texts only."""
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return {"True": True, "False": False, "None": None}.get(text, text)


def _seconds(millis: Any) -> float | None:
    try:
        return int(millis) / 1000
    except (TypeError, ValueError):
        return None


def _tag(key: str, value: str) -> str:
    return f"{key}={value}"[:200] if value else key[:200]
