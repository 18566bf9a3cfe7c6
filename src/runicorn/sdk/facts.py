"""What is worth knowing of a process later: code, packages, machine. No environment variables: they hold secrets."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runicorn import locks, processes
from runicorn.masking import without_secret_arguments
from runicorn.storage import liveness

_GIT_TIMEOUT_SECS = 10.0
_JOB_VARIABLES = {
    "rank": ("RANK", "SLURM_PROCID"),
    "local_rank": ("LOCAL_RANK", "SLURM_LOCALID"),
    "world_size": ("WORLD_SIZE", "SLURM_NTASKS"),
    "slurm_job_id": ("SLURM_JOB_ID",),
    "slurm_array_task_id": ("SLURM_ARRAY_TASK_ID",),
}


def quick_facts() -> dict[str, Any]:
    """Return what takes no time: process, machine, Python, GPUs."""
    place = liveness.here()
    pid = os.getpid()
    return {
        "host": place.host,
        "user": _user(),
        "pid": pid,
        "pid_start": processes.start_of(pid),
        "pid_scope": place.scope,
        "argv": without_secret_arguments(sys.argv),
        "cwd": _cwd(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "gpus": gpu_names(),
        "output_files": output_files(),
        "job": job_facts(),
    }


def output_files(descriptors: Iterable[int] = (1, 2)) -> list[str]:
    """Return the files that stdout and stderr go to, as with nohup and Slurm; none for a terminal or a pipe.

    They hold what the console of a run does not: the output of C code and of child programs.
    """
    found = []
    for descriptor in descriptors:
        with contextlib.suppress(OSError, ImportError):
            status = os.fstat(descriptor)
            path = _path_of(descriptor) if stat.S_ISREG(status.st_mode) else ""
            if path and os.path.samestat(Path(path).stat(), status):
                found.append(path)
    return list(dict.fromkeys(found))


def _path_of(descriptor: int) -> str:
    """Return the path of an open file, "" where the system does not tell. Raises OSError, ImportError."""
    if sys.platform.startswith("linux"):
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    if sys.platform == "darwin":
        with locks.LOADING:
            import fcntl

        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return ""


def job_facts(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return what a launcher says of this process: rank and world size (torchrun, Slurm), the Slurm job.

    Only these names are ever read from the environment, and only numbers are taken.
    """
    found: dict[str, Any] = {}
    for fact, names in _JOB_VARIABLES.items():
        number = next((environ[name] for name in names if environ.get(name, "").isdecimal()), None)
        if number is not None:
            found[fact] = int(number)
    return found


def slow_facts(cwd: str) -> dict[str, Any]:
    """Return what takes its time and is asked for in the background: packages and git."""
    return {"packages": packages(sys.path), "git": git_state(cwd)}


def packages(path: Iterable[str]) -> dict[str, str]:
    """Return the installed distributions by name, from the names of their folders.

    importlib.metadata opens every METADATA file for that: 300 ms for 300 packages, in which training would wait.
    """
    found: dict[str, str] = {}
    for folder in path:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder or "."):  # noqa: PTH208 - names are all that is needed
                stem, dot, kind = name.rpartition(".")
                if dot and kind in ("dist-info", "egg-info"):
                    package, _, version = stem.partition("-")
                    found.setdefault(package.replace("_", "-").lower(), version.partition("-")[0])
    return dict(sorted(found.items()))


def git_state(cwd: str) -> dict[str, Any] | None:
    """Return commit and whether tracked files differ from it, or None outside of a repository or without git."""
    commit = _git(cwd, "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _git(cwd, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def gpu_names(folder: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """Return the NVIDIA GPUs that the kernel driver lists; starting nvidia-smi would take a second."""
    names = []
    with contextlib.suppress(OSError):
        for gpu in sorted(folder.iterdir()):
            for line in (gpu / "information").read_text(errors="replace").splitlines():
                if line.startswith("Model:"):
                    names.append(line[6:].strip())
    return names


def _git(cwd: str, *arguments: str) -> str | None:
    with locks.LOADING:
        import subprocess

    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_SECS,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()


def _user() -> str:
    if sys.platform == "win32":
        with locks.LOADING:
            import getpass

        return getpass.getuser()
    with locks.LOADING:
        import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's uid without an entry
        return str(os.getuid())


def _cwd() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # the folder was removed
        return ""
