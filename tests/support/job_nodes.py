"""A login node behind which a job of its user runs: real sshd, real Slurm, and a folder that counts as the node's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.support.accounts import Account
from tests.support.drawn_sweeps import write_run
from tests.support.link import Link, run_link
from tests.support.remote import login_by
from tests.support.server import Server, run_server
from tests.support.slurm import Slurm


@dataclass
class LoginNode:
    """server: where a person logs in, by the link. job: runs on `node`."""

    server: Server
    link: Link
    slurm: Slurm
    node: str
    job: str

    def body(self, **more: Any) -> dict[str, Any]:
        """Return what opens the folder on the node."""
        return {**login_by(self.server, self.link), "node": self.node, "node_job": self.job, **more}

    @property
    def connection_id(self) -> str:
        return f"{self.server.account.username}@127.0.0.1:{self.link.port}"

    def steps(self) -> list[str]:
        """Return what runs within the job beside what was submitted."""
        found = self.slurm.run("squeue", "-h", "--steps", "-j", self.job, "-o", "%i").split()
        return [each for each in found if not each.endswith((".batch", ".extern"))]

    def add_run(self, number: int, steps: int = 3) -> str:
        run_id = f"20261120-00000{number}-00000{number}"
        values = (np.arange(steps), np.linspace(1.0, 0.1, steps))
        write_run(self.server.runs, run_id, {"loss": values}, {"name": f"on a node {number}"})
        self.server.account.give(self.server.runs)
        return run_id


@contextlib.contextmanager
def login_node(account: Account, folder: Path, slurm: Slurm, node: str = "gpu2", **options: str) -> Iterator[LoginNode]:
    """options: of the sshd."""
    environ = f"SLURM_CONF={slurm.environ['SLURM_CONF']}"
    with (
        run_server(account, folder, options={"SetEnv": environ, **options}) as server,
        run_link(server.sshd.port) as link,
    ):
        job = slurm.submit("training", "sleep 600", node, account.uid)
        try:
            yield LoginNode(server, link, slurm, node, job)
        finally:
            with contextlib.suppress(Exception):  # it may be over
                slurm.run("scancel", job)
