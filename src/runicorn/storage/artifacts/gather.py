"""What a folder on this machine comes to as files of an artifact."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from runicorn.regular_files import leads_nowhere
from runicorn.storage.artifacts.names import member_part


@dataclass
class Gathered:
    """Files with their paths in the artifact, empty folders, and what no file can stand for, each with the reason."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def gather_folder(folder: Path, prefix: str = "") -> Gathered:
    """Return everything below a folder. Raises OSError where the folder itself or one below it cannot be read.

    Links are followed, as what they lead to is what a reader of the folder sees; one that leads back to a folder around
    it, one to nowhere, and what is neither file nor folder (pipes, sockets, devices) are left out.
    """
    gathered = Gathered()
    status = folder.stat()
    pending = [(folder, prefix, frozenset({(status.st_dev, status.st_ino)}))]
    while pending:
        current, path, around = pending.pop()
        entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        if not entries and path:
            gathered.folders.append(path)
        for entry in entries:
            name = f"{path}/{member_part(entry.name)}" if path else member_part(entry.name)
            try:
                status = os.stat(entry.path)  # noqa: PTH116 - not the entry's own: that has no inode on Windows
            except OSError as error:
                if not leads_nowhere(error):
                    raise
                gathered.left_out.append(f"{entry.path} leads nowhere")
                continue
            if stat.S_ISREG(status.st_mode):
                gathered.files.append((Path(entry.path), name))
            elif not stat.S_ISDIR(status.st_mode):
                gathered.left_out.append(f"{entry.path} is no file")
            elif (key := (status.st_dev, status.st_ino)) in around:
                gathered.left_out.append(f"{entry.path} leads back to a folder around it")
            else:
                pending.append((Path(entry.path), name, around | {key}))
    return gathered
