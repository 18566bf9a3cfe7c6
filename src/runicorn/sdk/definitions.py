"""What a script says about its metrics: the axis they belong to, and what stands for them in the summary. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runicorn.model import MetricStats, number_to_json

SUMMARIES = ("min", "max", "mean", "last", "best", "copy", "none")
GOALS = ("minimize", "maximize")


@dataclass(frozen=True)
class MetricDefinition:
    """One define_metric call. name may hold `*`. summary: of SUMMARIES; more than one separated by commas."""

    name: str
    step_metric: str | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None
    hidden: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what run.json holds of it."""
        return {
            "name": self.name,
            "step_metric": self.step_metric,
            "summary": list(self.summary),
            "goal": self.goal,
            "hidden": self.hidden,
        }


def from_json(known: object) -> dict[str, MetricDefinition]:
    """Return the definitions that run.json holds, by name; what is none is left out."""
    found = {}
    for item in known if isinstance(known, list) else ():
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            summary = item.get("summary")
            found[item["name"]] = MetricDefinition(
                item["name"],
                item.get("step_metric"),
                tuple(how for how in summary if how in SUMMARIES) if isinstance(summary, list) else (),
                item.get("goal"),
                item.get("hidden") is True,
            )
    return found


def defined(
    definitions: Mapping[str, MetricDefinition], stats: Mapping[str, MetricStats], sums: Mapping[str, float]
) -> dict[str, Any]:
    """Return what the summary holds beyond each metric's last value: {"loss.min": 0.1}."""
    found: dict[str, Any] = {}
    for name, known in stats.items():
        definition = definition_of(definitions, name)
        for how in definition.summary if definition is not None else ():
            value = _value(how, definition, known, sums.get(name, 0.0))
            if value is not None:
                found[f"{name}.{how}"] = number_to_json(value)
    return found


def set_by_script(definitions: Mapping[str, MetricDefinition], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a stored summary that the script set itself, without what defined() had added."""
    kept = {}
    for key, value in summary.items():
        name, _, how = key.rpartition(".")
        definition = definition_of(definitions, name)
        if definition is None or how not in definition.summary:
            kept[key] = value
    return kept


def definition_of(definitions: Mapping[str, MetricDefinition], name: str) -> MetricDefinition | None:
    """Return the definition of a metric: its own, else that of the longest pattern that fits."""
    if name in definitions:
        return definitions[name]
    fitting = [d for pattern, d in definitions.items() if "*" in pattern and fnmatch.fnmatchcase(name, pattern)]
    return max(fitting, key=lambda definition: len(definition.name), default=None)


def _value(how: str, definition: MetricDefinition | None, stats: MetricStats, total: float) -> float | None:
    if how == "best":
        how = "max" if definition is not None and definition.goal == "maximize" else "min"
    if how == "min":
        return stats.min
    if how == "max":
        return stats.max
    if how == "mean":
        return total / stats.count if stats.count else None
    return None
