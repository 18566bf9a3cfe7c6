"""The nodes of Slurm jobs, and the command that runs a program on one of them, within what the job was given. Pure.

Nothing here asks for an allocation: `srun --overlap` takes a step inside of one that is there, or none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_JOB = re.compile(r"[0-9]+(_[0-9]+)?(\+[0-9]+)?")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_WAIT_SECS = 5
_MOST = 8


class Place(NamedTuple):
    """A node, and one of the person's jobs that run on it."""

    node: str
    job: str

    @property
    def is_sound(self) -> bool:
        """Whether these are names that Slurm gives."""
        return bool(_JOB.fullmatch(self.job) and _NODE.fullmatch(self.node))


def places(jobs: Sequence[Mapping[str, Any]], but: str) -> list[Place]:
    """Return the nodes that the person's jobs run on, eight at most, each with one of these jobs. but: the machine
    that tells of them, if it is a node itself.
    """
    found: dict[str, str] = {}
    for job in jobs:
        if job["state"] != "RUNNING" or not _JOB.fullmatch(job["id"]):
            continue
        for node in expanded(job["nodes"]):
            if node.partition(".")[0] != but.partition(".")[0]:
                found.setdefault(node, job["id"])
    return [Place(node, job) for node, job in found.items()][:_MOST]


def within(place: Place) -> str:
    """Return what runs the words behind it on a node, within a job. Raises ValueError for what is no name of these."""
    if not place.is_sound:
        raise ValueError(f"{place} is no node of a job")
    words = ["srun", f"--jobid={place.job}", "--overlap", "-n1", "-N1", "-w", place.node]
    return shlex.join([*words, f"--immediate={_WAIT_SECS}", "--unbuffered"])


def where_it_runs(job: str) -> str:
    """Return what tells on which nodes a job runs; nothing where it does not. Raises ValueError for what is no job."""
    if not _JOB.fullmatch(job):
        raise ValueError(f"{job!r} is no job")
    return shlex.join(["squeue", "-h", "-j", job, "-t", "RUNNING", "-o", "%N"])


def expanded(nodes: str) -> list[str]:
    """Return the nodes of a list as Slurm writes it, `gpu[01-03,7],login1`, at most a thousand; without those that are
    named otherwise.
    """
    found: list[str] = []
    for part in re.split(r",(?![^\[]*\])", nodes):  # not at the commas within brackets
        for name in _names(part):
            if _NODE.fullmatch(name) and len(found) < 1000:
                found.append(name)
    return list(dict.fromkeys(found))


def _names(part: str) -> Iterator[str]:
    match = re.fullmatch(r"([^\[\]]*)\[([0-9,-]+)\]([^\[\]]*)", part)
    if match is None:
        yield part
        return
    before, ranges, behind = match.groups()
    for each in ranges.split(","):
        first, dash, last = each.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            continue
        for number in range(int(first), min(int(last or first), int(first) + 1000) + 1):
            yield f"{before}{number:0{len(first)}}{behind}"
