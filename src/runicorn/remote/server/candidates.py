"""Which folders of a host are likely to hold runs: the script that looks, and what its answer means. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

MAX_DEPTH = 5
MAX_FOUND = 5000
SEARCH_SECS = 8
RUNICORN, TENSORBOARD = "runicorn", "tensorboard"

# Big, and never somebody's logs.
_SKIPPED = (
    "node_modules",
    "site-packages",
    "__pycache__",
    "miniconda3",
    "anaconda3",
    "miniforge3",
    "mambaforge",
    "venv",
)


@dataclass(frozen=True)
class Candidate:
    """A folder that a viewer can show. kind: `runicorn` or `tensorboard`. runs: how many it holds."""

    path: str
    kind: str
    runs: int


@dataclass(frozen=True)
class Candidates:
    """scan_root: the home folder, which was searched so many folders deep, with what clusters name beside it."""

    scan_root: str
    candidates: tuple[Candidate, ...]


def script(begin: str, end: str) -> bytes:
    """Return the shell script that prints the home and what it found, between two markers.

    It reads names only, for some seconds at most, on any find. Beside the home it looks at RUNICORN_ROOT, SCRATCH and
    WORK.
    """
    skipped = " -o ".join(f"-name {shlex.quote(name)}" for name in _SKIPPED)
    return (
        'cd "$HOME" || exit 1\n'
        f"limit=; command -v timeout >/dev/null 2>&1 && limit='timeout {SEARCH_SECS}'\n"
        f"printf '%s\\n%s\\n' {shlex.quote(begin)} \"$(pwd -P)\"\n"
        'set -- "$(pwd -P)"\n'
        'for more in "$RUNICORN_ROOT" "$SCRATCH" "$WORK"; do\n'
        '  case "$more" in "$1"|"$1"/*) ;; /*) [ -d "$more" ] && set -- "$@" "$more";; esac\n'
        "done\n"
        f'$limit find "$@" -maxdepth {MAX_DEPTH} \\( -name ".?*" -o {skipped} \\) -prune -o '
        "\\( -name runicorn.json -o -name 'events.out.tfevents.*' \\) -print 2>/dev/null "
        f"| head -n {MAX_FOUND} | while IFS= read -r path; do\n"
        '  case "$path" in\n'
        '    */runicorn.json) printf "%s %s\\n" "$(ls "${path%/*}/runs" 2>/dev/null | grep -c .)" "$path";;\n'
        '    *) printf "1 %s\\n" "$path";;\n'
        "  esac\n"
        "done\n"
        f"printf '%s\\n' {shlex.quote(end)}\n"
    ).encode()


def parse(stdout: bytes, begin: str, end: str) -> Candidates | None:
    """Return what was found, the folders with most runs first; None if the answer is not whole."""
    _, found, rest = stdout.decode("utf-8", "replace").partition(f"{begin}\n")
    body, ended, _ = rest.rpartition(f"{end}\n")
    if not (found and ended):
        return None
    home, *lines = body.splitlines() or [""]
    roots: dict[str, Candidate] = {}
    run_folders: set[PurePosixPath] = set()
    for line in lines:
        count, _, text = line.partition(" ")
        path = PurePosixPath(text)
        if not count.isdigit() or not path.is_absolute():
            continue
        if path.name == "runicorn.json":
            roots[str(path.parent)] = Candidate(str(path.parent), RUNICORN, int(count))
        else:
            run_folders.add(path.parent)
    for root, runs in _logdirs(run_folders, PurePosixPath(home)).items():
        roots.setdefault(str(root), Candidate(str(root), TENSORBOARD, runs))
    return Candidates(home, tuple(sorted(roots.values(), key=lambda each: (-each.runs, each.path))))


def _logdirs(run_folders: Iterable[PurePosixPath], home: PurePosixPath) -> dict[PurePosixPath, int]:
    """Return the folders that hold TensorBoard's run folders, the outermost ones, with how many each holds."""
    runs = set(run_folders)
    parents = {run.parent if home not in (run.parent, run) else run for run in runs}
    outermost = {each for each in parents if not any(other in parents for other in each.parents)}
    return {root: sum(root == run or root in run.parents for run in runs) for root in outermost}
