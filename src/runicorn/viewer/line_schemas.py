"""What is asked for lines of charts, and what is told of many runs' metrics, on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runicorn.model import Axis, Run
from runicorn.sources.lines import Wanted
from runicorn.storage.layout import iso
from runicorn.viewer.schemas import AnswerModel, MetricDefinitionAnswer, State, UnreadableRun

RunNumber = Annotated[int, Field(ge=0)]
Address = Annotated[str, Field(min_length=1, max_length=500)]
MetricName = Annotated[str, Field(min_length=1, max_length=10_000)]
Addresses = Annotated[list[Address], Field(min_length=1, max_length=5000)]


class ChartQuestion(BaseModel):
    """One metric. runs: of which runs, by their places in the question's `runs`; null for all, unless there are groups.

    groups: sets of runs that become one line with a band each. along: the metric that it is drawn over, instead of x.
    """

    model_config = ConfigDict(extra="forbid")

    metric: MetricName
    runs: Annotated[list[RunNumber], Field(max_length=5000)] | None = None
    groups: Annotated[list[Annotated[list[RunNumber], Field(min_length=1)]], Field(max_length=1000)] = []
    along: MetricName | None = None


class LinesQuestion(BaseModel):
    """Lines of charts. points: about how many buckets each has, the width of a chart in pixels.

    from, to: the window, in the unit of x, included. band: what a group's band shows, see the answer; overwritten:
    whether steps that a resumed run logged once more are shown as they were first, too.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    runs: Addresses
    charts: Annotated[list[ChartQuestion], Field(min_length=1, max_length=1000)]
    x: Axis = Axis.STEP
    points: Annotated[int, Field(ge=1, le=10_000)] = 800
    low: Annotated[float | None, Field(alias="from", allow_inf_nan=False)] = None
    high: Annotated[float | None, Field(alias="to", allow_inf_nan=False)] = None
    band: Literal["std", "se", "ci95", "minmax", "quartiles"] = "std"
    overwritten: bool = False

    @model_validator(mode="after")
    def _known_runs(self) -> LinesQuestion:
        for chart in self.charts:
            for number in [*(chart.runs or ()), *(run for group in chart.groups for run in group)]:
                if number >= len(self.runs):
                    raise ValueError(f"there is no run number {number} among the {len(self.runs)} that are asked for")
        return self

    def wanted(self) -> list[Wanted]:
        """Return the charts with the runs' addresses."""
        return [
            Wanted(
                chart.metric,
                ([] if chart.groups else list(dict.fromkeys(self.runs)))
                if chart.runs is None
                else [self.runs[number] for number in dict.fromkeys(chart.runs)],
                [[self.runs[number] for number in dict.fromkeys(group)] for group in chart.groups],
                chart.along,
            )
            for chart in self.charts
        ]


class MetricsQuestion(BaseModel):
    """by: what the runs are grouped by, as GET /api/run-groups takes it: each is told what it has there."""

    model_config = ConfigDict(extra="forbid")

    runs: Addresses
    by: Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=3)] = []


class RunHeadAnswer(AnswerModel):
    """Who a run is, and what its script said of its metrics. path: what it has in the fields that were asked for."""

    id: str
    project: str
    name: str
    state: State
    created_at: str
    deleted_at: str | None
    path: list[Any]
    metric_definitions: list[MetricDefinitionAnswer]


class MetricNameAnswer(AnswerModel):
    """runs: who has it; null where all of the runs do."""

    name: str
    runs: list[str] | None


class MetricListAnswer(AnswerModel):
    """The metrics of some runs. missing: runs that are not there; unreadable: those that cannot be read right now."""

    runs: list[RunHeadAnswer]
    metrics: list[MetricNameAnswer]
    missing: list[str]
    unreadable: list[UnreadableRun]


def run_head_to_wire(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "project": run.project,
        "name": run.name,
        "state": run.state.value,
        "created_at": iso(run.created_at),
        "deleted_at": None if run.deleted_at is None else iso(run.deleted_at),
    }
