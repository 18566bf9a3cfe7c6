"""What a log of another tool tells of its run besides what that recorded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runicorn.model import RunState


@dataclass(frozen=True)
class Facts:
    """What is known of a run besides its contents. Times are unix seconds; config and summary are plain JSON."""

    name: str
    project: str
    created_at: float
    finished_at: float | None = None
    state: RunState = RunState.FINISHED
    exit_reason: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    note: str = ""
    host: str = ""
    user: str = ""
    warnings: Mapping[str, int] = field(default_factory=dict)

    def ended(self) -> Facts:
        """Return what is known of a copy, which does not go on: what says that it runs has been killed."""
        return replace(self, state=RunState.KILLED) if self.state is RunState.RUNNING else self
