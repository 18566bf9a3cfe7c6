"""A "GPU server": a real sshd, a Unix user with a home of its own, and a Python environment there with runicorn."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tests.support.accounts import Account, make_account
from tests.support.other_servers import OtherServer
from tests.support.sshd import Sshd, make_key, run_sshd
from tests.support.waiting import eventually_nothing

ROOT = Path(__file__).parents[2]
Daemon = Callable[[Account], contextlib.AbstractContextManager[OtherServer]]
ENVIRONMENT = "ml"

# Python of the server: another user must be able to run it, which an interpreter in root's home does not allow.
SERVER_PYTHON = "/usr/bin/python3"

LOGGING_SCRIPT = """
import sys, time
import runicorn as rn
with rn.init(project="vision/resnet", name="on-the-server", config={"lr": 0.1}, root=sys.argv[1]) as run:
    print("training on the server")
    for step in range(int(sys.argv[2])):
        run.log({"train/loss": 1.0 / (step + 1), "acc": step / 1000}, step=step)
        time.sleep(float(sys.argv[3]))
"""


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill them all, also those that end because another one of them did."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@dataclass
class Server:
    """Where a person logs in. key: a private key file that the server accepts. runs: a storage root there."""

    account: Account
    sshd: Sshd | OtherServer
    key: Path
    runs: Path
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.account.home / "venvs" / ENVIRONMENT / "bin" / "python"

    def target(self, **more: Any) -> dict[str, Any]:
        """Return the part of a request that says where to."""
        return {"host": "127.0.0.1", "port": self.sshd.port, "username": self.account.username, **more}

    def body(self, **more: Any) -> dict[str, Any]:
        """Return the body of a connect or start, which asks for the viewer that is installed there, if there is one."""
        return self.target(**{**({"mode": "viewer"} if self.python.exists() else {}), **more})

    def login(self, **more: Any) -> dict[str, Any]:
        """Return body() with the key that the server accepts."""
        return self.body(private_key_path=str(self.key), use_agent=False, **more)

    def train(self, steps: int = 100_000, pause_secs: float = 0.02) -> subprocess.Popen[bytes]:
        """Start a script that logs on the server, as its user."""
        process = subprocess.Popen(
            [str(self.python), "-c", LOGGING_SCRIPT, str(self.runs), str(steps), str(pause_secs)],
            user=self.account.uid,
            cwd=self.account.home,
            env={"HOME": str(self.account.home), "PATH": os.defpath},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.children.append(process)
        return process

    def traces(self) -> set[str]:
        """Return what of ours is on the server now: processes, and files outside the runs and the environment."""
        return {f"process {words}" for words in self.processes()} | {f"file {path}" for path in self._files()}

    def processes(self) -> dict[str, psutil.Process]:
        """Return the processes of the server's user by command line, but for its sshd's and this test's scripts.

        Further ones with the same command line have their number behind it.
        """
        own = {child.pid for child in self.children}
        found = {}
        for process in psutil.process_iter(["uids", "cmdline", "status"]):
            uids, words = process.info["uids"], process.info["cmdline"]
            mine = uids is not None and uids.real == self.account.uid and process.pid not in own
            if mine and words and not words[0].startswith("sshd") and process.info["status"] != psutil.STATUS_ZOMBIE:
                line = " ".join(words)
                found[f"{line} #{process.pid}" if line in found else line] = process
        return found

    def kill_sshd_children(self) -> None:
        """Kill the server's processes that carry this user's connections."""
        kill(self.sshd_children())

    def sshd_children(self) -> list[psutil.Process]:
        """Return the server's processes that carry this user's connections."""
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [""])[0].startswith(f"{self.sshd.service}: {self.account.username}")
        ]

    def listening_ports(self) -> set[int]:
        """Return the TCP ports on which processes of the server's user listen."""
        ports = set()
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if psutil.Process(connection.pid).uids().real == self.account.uid:
                        ports.add(connection.laddr.port)
        return ports

    def _files(self) -> Iterator[Path]:
        kept = {self.account.home / "venvs", self.runs}
        for folder in (self.account.home, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")):
            for path in folder.iterdir():
                if path not in kept and path != self.account.home:
                    with contextlib.suppress(FileNotFoundError):
                        if path.lstat().st_uid == self.account.uid:
                            yield path


@contextlib.contextmanager
def make_server_account(wheel: Path) -> Iterator[Account]:
    """Make the server's user, with runicorn installed from a wheel into an environment of its own."""
    with make_account() as account:
        environment = account.home / "venvs" / ENVIRONMENT
        environment.parent.mkdir()
        subprocess.run([SERVER_PYTHON, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "-q", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt")], check=True)
        subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
        account.give(environment.parent)
        yield account


@contextlib.contextmanager
def run_server(account: Account, folder: Path, other: Daemon | None = None, **sshd: Any) -> Iterator[Server]:
    """Start an sshd for this user, who gets a fresh storage root. folder: for keys made at run time.

    other: what starts another server in its place.
    """
    with other(account) if other else run_sshd(**sshd) as running:
        key = make_key(folder / "id_server")
        running.authorize(account.username, key.with_suffix(".pub"))
        runs = account.home / f"runs-{running.port}"
        runs.mkdir()
        account.give(runs)
        server = Server(account, running, key, runs)
        try:
            yield server
            # Every test ends with this: whatever it did, nothing of ours may be left on the server.
            eventually_nothing(server.processes, 5)
        finally:
            for process in (*server.children, *server.processes().values()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
                    process.wait()
            subprocess.run(["rm", "-rf", str(runs)], check=True)


@contextlib.contextmanager
def somebody_training(server: Server) -> Iterator[None]:
    """Have a run grow there, written by an environment of somebody else's."""
    words = [sys.executable, "-c", LOGGING_SCRIPT, str(server.runs), "100000", "0.02"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout, the page included."""
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)],
        check=True,
    )
    wheel = next(folder.glob("runicorn-*.whl"))
    folder.chmod(0o755)
    return wheel
