"""What W&B calls its runs' folders, and what lies in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")
_LOG = re.compile(r"run-.+\.wandb")
FILES = "files"
OUTPUT = f"{FILES}/output.log"


def is_run_folder(name: str) -> bool:
    """Tell whether this is the folder of one run, or of one segment of it."""
    return _FOLDER.fullmatch(name) is not None


def is_log(name: str) -> bool:
    """Tell whether this is a run's log in its folder."""
    return _LOG.fullmatch(name) is not None


def segments(folders: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of the logs with the folders that they lie in, each with when its process began, in that order.

    Each process that goes on with a run has a folder of its own, and calls its log as the ones before did.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for name in folders:
        match = _FOLDER.fullmatch(name)
        if match is not None:
            found.setdefault(f"run-{match[2]}.wandb", []).append((match[1], name))
    return {log: [name for _, name in sorted(each)] for log, each in sorted(found.items())}


def run_id(log: str) -> str:
    """Return W&B's id of the run whose log is called so."""
    return log.removeprefix("run-").removesuffix(".wandb")
