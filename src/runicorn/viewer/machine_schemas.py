"""The wire of GET /api/machines: what machines have to offer. Names and shapes only; see schemas.py."""

from __future__ import annotations

from typing import Literal

from runicorn.viewer.schemas import AnswerModel


class GpuProcessAnswer(AnswerModel):
    """A process on a GPU. user: None where the machine shows us nothing of it. memory: bytes. run: the address of the
    run that it, or a process that it comes from, records; run_name: what that is called.
    """

    pid: int
    user: str | None
    name: str
    memory: int | None
    run: str | None
    run_name: str | None


class GpuPartAnswer(AnswerModel):
    """An instance that a GPU is parted into (MIG). Bytes. process_count: None where it does not tell. free, idle_secs:
    as of a GPU.
    """

    id: str
    name: str
    memory_used: int | None
    memory_total: int | None
    process_count: int | None
    free: bool
    idle_secs: float | None


class GpuAnswer(AnswerModel):
    """A GPU; None for what it does not tell. Memory in bytes. free: nobody was seen on it for a minute, and less than
    a twentieth of its memory is taken; never so where it is parted, as work begins on its parts. idle_secs: for how
    long nobody has been seen on it; None while somebody is. processes: None where it does not tell. history: of the
    last hour, as far as somebody looked: seconds ago, busy percent, taken part of the memory (0 to 1).
    """

    index: int
    id: str
    name: str
    busy_percent: float | None
    memory_used: int | None
    memory_total: int | None
    temperature_c: float | None
    power_w: float | None
    free: bool
    idle_secs: float | None
    parts: list[GpuPartAnswer] | None
    processes: list[GpuProcessAnswer] | None
    history: list[tuple[float, float | None, float | None]]


class DiskAnswer(AnswerModel):
    """The disk under a root that is open there. Bytes. error: why it cannot be told."""

    root: str
    free: int | None
    total: int | None
    error: str | None


class JobAnswer(AnswerModel):
    """One of the person's Slurm jobs. left: as Slurm writes it. run: the address of the run that it records."""

    id: str
    state: str
    nodes: str
    gres: str
    left: str
    name: str
    run: str | None
    run_name: str | None


class MachineAnswer(AnswerModel):
    """A machine. id: that of its connection, or `local`. host: what a person calls it; empty for this one. node: the
    node behind that host which it is, reached through one of the person's jobs, node_job.

    state: `ready`; `waiting` before the first answer since somebody looks; `away`, where nothing is told now, which
    `error` says why of.
    age_secs: of what is told. free_gpus: how many whole ones; free_parts: how many parts of others. gpus_by: what tells
    of its GPUs. gpus_error, jobs_error: why these are not told. memory in bytes. load: of 1, 5 and 15 minutes. cpus:
    how many processors it has; usable_cpus: how many are for this user. jobs: None where there is no Slurm.
    clock_ahead_secs: how much its clock is ahead of this machine's.
    """

    id: str
    host: str
    node: str | None
    node_job: str | None
    state: Literal["ready", "waiting", "away"]
    error: str | None
    age_secs: float | None
    clock_ahead_secs: float | None
    free_gpus: int
    free_parts: int
    gpus: list[GpuAnswer]
    gpus_by: str | None
    gpus_error: str | None
    memory_available: int | None
    memory_total: int | None
    load: list[float] | None
    cpus: int | None
    usable_cpus: int | None
    disks: list[DiskAnswer]
    disks_error: str | None
    jobs: list[JobAnswer] | None
    jobs_error: str | None


class MachinesAnswer(AnswerModel):
    """Those with the most free GPUs first."""

    machines: list[MachineAnswer]
