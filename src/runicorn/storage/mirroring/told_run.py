"""What run.json and status.json say of a run whose log tells of itself. Pure."""

from __future__ import annotations

from typing import Any

from runicorn.masking import without_secret_text, without_secret_values
from runicorn.model import RunState
from runicorn.storage import layout
from runicorn.storage.foreign.facts import Facts

_MOST_NAME_CHARACTERS = 500


def told_info(facts: Facts, name: str) -> dict[str, Any]:
    """Return what run.json holds of it, secrets as `***`. name: where the log tells none."""
    return {
        "project": layout.clean_project(facts.project),
        "name": without_secret_text(facts.name[:_MOST_NAME_CHARACTERS]) or name,
        "config": dict(without_secret_values(dict(facts.config))),
        "tags": [without_secret_text(tag) for tag in facts.tags],
        "created_at": layout.iso(facts.created_at),
        "host": facts.host,
        "user": facts.user,
    }


def told_status(facts: Facts, heartbeat_at: float) -> dict[str, Any]:
    """Return what status.json holds of it. heartbeat_at: unix seconds, where the log does not tell when it ended."""
    ended_at = heartbeat_at if facts.finished_at is None else facts.finished_at
    return {
        "state": facts.state.value,
        "finished_at": None if facts.state is RunState.RUNNING else layout.iso(ended_at),
        "exit_reason": None if facts.exit_reason is None else without_secret_text(facts.exit_reason),
        "summary": dict(without_secret_values(dict(facts.summary))),
    }


def told_note(facts: Facts) -> str:
    """Return the note that the log tells."""
    return without_secret_text(facts.note)
