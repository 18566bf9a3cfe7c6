"""A real Slurm on 127.0.0.1, of one controller and two nodes, which are this machine twice. Needs root."""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import eventually

NODES = ("gpu1", "gpu2")
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
MessageTimeout=20
NodeName=gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=500
NodeName=gpu2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=500
PartitionName=main Nodes=gpu1,gpu2 Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """A cluster that runs. environ: what its tools need to find it."""

    folder: Path
    environ: dict[str, str]

    def run(self, *command: str, user: int | None = None) -> str:
        """Return what a command prints. user: whose number it runs as, with its group; None for this process's own."""
        as_user: dict[str, Any] = (
            {} if user is None else {"user": user, "group": pwd.getpwuid(user).pw_gid, "extra_groups": []}
        )
        return subprocess.run(
            command,
            env=os.environ | self.environ,
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
            cwd="/",
            **as_user,
        ).stdout

    def submit(self, name: str, script: str, node: str = NODES[0], user: int | None = None) -> str:
        """Have a script run on a node; return the job's number, once it runs. user: as in run()."""
        out = f"{self.folder}/out" if user is None else os.devnull
        job = self.run("sbatch", "--parsable", "-J", name, "-w", node, "-o", out, f"--wrap={script}", user=user).strip()
        eventually(lambda: self.run("squeue", "-h", "-j", job, "-o", "%T").strip() == "RUNNING", 30, f"job {job}")
        return job

    def signal(self, daemon: str, number: signal.Signals) -> None:
        os.kill(int((self.folder / f"{daemon}.pid").read_text()), number)


@contextlib.contextmanager
def run_slurm() -> Iterator[Slurm]:
    if os.geteuid() != 0 or shutil.which("squeue") is None:
        pytest.skip("needs root, and slurmctld, slurmd, slurm-client and munge")
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for each in ("state", *(f"spool.{node}" for node in NODES)):
            (folder / each).mkdir()
        key = folder / "munge.key"
        key.write_bytes(base64.b64encode(os.urandom(96)))
        key.chmod(0o400)
        config = folder / "slurm.conf"
        config.write_text(
            CONFIG.format(host=socket.gethostname().partition(".")[0], folder=folder, ports=_free_ports(3))
        )
        slurm = Slurm(folder, {"SLURM_CONF": str(config)})
        try:
            munge = {kind: f"--{kind}-file={folder}/munge.{kind}" for kind in ("key", "pid", "log", "seed")}
            _start("munged", "--force", f"--socket={folder}/munge.socket", *munge.values())
            _start("slurmctld", "-f", str(config), "-c")
            for node in NODES:
                _start("slurmd", "-f", str(config), "-N", node)
            eventually(lambda: slurm.run("sinfo", "-h", "-o", "%D %t").split() == ["2", "idle"], 30, "two idle nodes")
            yield slurm
        finally:
            with contextlib.suppress(subprocess.SubprocessError, OSError):
                slurm.run("scancel", "--user", "root")
            _end(folder)


def _start(program: str, *arguments: str) -> None:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, program
    subprocess.run([found, *arguments], check=True, capture_output=True, timeout=30)


def _end(folder: Path) -> None:
    """End what was started, by the pids that it wrote."""
    pids = []
    for file in (*folder.glob("slurm*.pid"), folder / "munge.pid"):
        with contextlib.suppress(OSError, ValueError):
            pids.append(int(file.read_text()))
    for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        with contextlib.suppress(AssertionError):
            eventually(
                lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5 if number != signal.SIGCONT else 0
            )


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
