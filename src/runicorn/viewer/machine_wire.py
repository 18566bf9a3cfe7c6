"""What machines told, put together with the runs that are on them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from runicorn.model import Run, RunState
from runicorn.viewer.machine_schemas import (
    DiskAnswer,
    GpuAnswer,
    GpuPartAnswer,
    GpuProcessAnswer,
    JobAnswer,
    MachineAnswer,
)

if TYPE_CHECKING:
    from runicorn.remote.machines import MachineLook

logger = logging.getLogger(__name__)

State = Literal["ready", "waiting", "away"]
# An answer that is awaited for longer is told as one that does not come.
_SILENT_SECS = 5.0
# What is told is read every few seconds; what is much older is no longer so.
_OLD_SECS = 30.0


class RunsOnMachine:
    """The runs of a machine's roots that are running, found by their processes and their jobs."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._by_pid: dict[int, list[Run]] = {}
        self._by_job: dict[str, Run] = {}
        for run in runs:
            if run.state is not RunState.RUNNING:
                continue
            if run.origin.pid is not None:
                self._by_pid.setdefault(run.origin.pid, []).append(run)
            job = run.origin.slurm_job
            if job:
                self._by_job[job] = run

    def of_process(self, host: str, line: Sequence[Sequence[int]]) -> Run | None:
        """Return the run that one of these processes records: the process itself, and those that it comes from."""
        for pid, start in line:
            for run in self._by_pid.get(pid, ()):
                if run.origin.host == host and run.origin.pid_start in (None, start):
                    return run
        return None

    def of_job(self, job: str) -> Run | None:
        return self._by_job.get(job)


def machine_answer(look: MachineLook, host: str, runs: RunsOnMachine) -> MachineAnswer:
    """Return a machine as it goes over the wire. host: what a person calls it."""
    try:
        return _answer(look, look.told or {}, host, runs)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # What one machine tells costs no other one its place. (A pydantic error is a ValueError.)
        logger.warning("what %s tells of itself makes no sense", look.id, exc_info=error)
        odd = replace(look, told=None, error="What it tells of itself makes no sense.")
        return _answer(odd, {}, host, runs)


def _answer(look: MachineLook, told: Mapping[str, Any], host: str, runs: RunsOnMachine) -> MachineAnswer:
    gpus, gpus_error = _part(told, "gpus", "The driver")
    disks, disks_error = _part(told, "disks", "The disk")
    jobs, jobs_error = _part(told, "jobs", "Slurm")
    moment = time.monotonic()
    shown = [_gpu(gpu, look, str(told.get("host", "")), runs, moment) for gpu in (gpus or {}).get("gpus", ())]
    memory = told.get("memory") or {}
    is_old = look.age_secs is not None and look.age_secs > _OLD_SECS
    is_told = bool(told) and not is_old
    state: State = "ready" if is_told else "away" if look.error else "waiting"
    return MachineAnswer(
        id=look.id,
        host=host,
        node=None if look.place is None else look.place.node,
        node_job=None if look.place is None else look.place.job,
        state=state,
        error=look.error,
        age_secs=look.age_secs,
        clock_ahead_secs=look.clock_ahead_secs,
        free_gpus=0 if is_old else sum(gpu.free for gpu in shown),
        free_parts=0 if is_old else sum(part.free for gpu in shown for part in gpu.parts or ()),
        gpus=shown,
        gpus_by=(gpus or {}).get("by"),
        gpus_error=gpus_error,
        memory_available=memory.get("available"),
        memory_total=memory.get("total"),
        load=told.get("load"),
        cpus=told.get("cpus"),
        usable_cpus=told.get("usable_cpus"),
        disks=[
            DiskAnswer(root=root, free=each.get("free"), total=each.get("total"), error=each.get("error"))
            for root, each in (disks or {}).items()
        ],
        disks_error=disks_error,
        jobs=None if jobs is None else [_job(each, runs) for each in jobs],
        jobs_error=jobs_error,
    )


def _part(told: Mapping[str, Any], name: str, who: str) -> tuple[Any, str | None]:
    """Return what a part told last, and why it tells nothing now."""
    part = told.get(name)
    if part is None:
        return None, None
    if part["waits_secs"] > _SILENT_SECS:
        return part["value"], f"{who} has not answered for {part['waits_secs']:.0f} s."
    return part["value"], part["error"]


def _gpu(gpu: Mapping[str, Any], look: MachineLook, host: str, runs: RunsOnMachine, moment: float) -> GpuAnswer:
    processes = gpu["processes"]
    parts = look.history.parts(gpu)
    return GpuAnswer(
        index=gpu["index"],
        id=gpu["id"],
        name=gpu["name"],
        busy_percent=gpu["busy_percent"],
        memory_used=gpu["memory_used"],
        memory_total=gpu["memory_total"],
        temperature_c=gpu["temperature_c"],
        power_w=gpu["power_w"],
        free=parts is None and look.history.is_free(gpu, moment),
        idle_secs=look.history.idle_secs(gpu, moment),
        parts=None if parts is None else [_gpu_part(each, look, moment) for each in parts],
        processes=None if processes is None else [_process(each, host, runs) for each in processes],
        history=look.history.shown(gpu, moment),
    )  # fmt: skip


def _gpu_part(part: Mapping[str, Any], look: MachineLook, moment: float) -> GpuPartAnswer:
    return GpuPartAnswer(
        id=part["id"],
        name=part["name"],
        memory_used=part["memory_used"],
        memory_total=part["memory_total"],
        process_count=part["process_count"],
        free=look.history.is_free(part, moment),
        idle_secs=look.history.idle_secs(part, moment),
    )


def _process(process: Mapping[str, Any], host: str, runs: RunsOnMachine) -> GpuProcessAnswer:
    run = runs.of_process(host, process["line"])
    return GpuProcessAnswer(
        pid=process["pid"],
        user=process["user"],
        name=process["name"],
        memory=process["memory"],
        run=None if run is None else run.id,
        run_name=None if run is None else run.name,
    )


def _job(job: Mapping[str, str], runs: RunsOnMachine) -> JobAnswer:
    run = runs.of_job(job["id"])
    return JobAnswer(**job, run=None if run is None else run.id, run_name=None if run is None else run.name)
