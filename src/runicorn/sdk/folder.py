"""The path of a run's folder, which is a text for scripts of other trackers: run.dir + "/model.pt"."""

from __future__ import annotations

import os
from pathlib import Path, PosixPath, WindowsPath
from typing import TYPE_CHECKING

# Before Python 3.12, Path itself cannot be derived from.
if TYPE_CHECKING:
    _Path = Path
else:
    _Path = WindowsPath if os.name == "nt" else PosixPath


class RunFolder(_Path):
    """A path that texts can be added to."""

    __slots__ = ()

    def __add__(self, other: str) -> str:
        return str(self) + other if isinstance(other, str) else NotImplemented

    def __radd__(self, other: str) -> str:
        return other + str(self) if isinstance(other, str) else NotImplemented
