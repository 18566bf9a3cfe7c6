"""Where in the tree of runs a log is filed: the path that its project and its name are made of. Pure."""

from __future__ import annotations

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.recognition import FIXED_NAMES

# Folders that tools make for themselves, and that tell nothing.
_TELL_NOTHING = {"lightning_logs", "vis_data"}


def run_path(kind: Kind, log_path: str) -> str:
    """Return the path below the root that stands for a log's run; empty for a log at the root that its tool names so.

    log_path: below the root, with slashes. Where the tool chooses the name, as with metrics.csv, it is the folder, else
    the folder and the file without what follows its last dot. It depends on nothing else, so that it stays.
    """
    *folders, name = log_path.split("/")
    path = [folder for folder in folders if folder not in _TELL_NOTHING]
    if kind is not Kind.TRAINER and name.lower() not in FIXED_NAMES:
        path.append(name.rpartition(".")[0] or name)
    return "/".join(path)
