"""Where media of mirrored runs lie: in the logs themselves, of which nothing is copied. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from runicorn.storage.events import MEDIA
from runicorn.storage.foreign.wandb_names import FILES
from runicorn.storage.mirroring.event_mirror import file_names
from runicorn.storage.mirroring.wandb_mirror import folders_of
from runicorn.storage.tensorboard.translate import media_range

_BELOW_MEDIA = MEDIA + "/"


class MediaPlace(NamedTuple):
    """Bytes that stand for a file of a run. path: below the root. length: in bytes, None for all of a file.

    below: the part of the path that the log tells, and through which no link may lead out; empty where there is none.
    """

    path: str
    start: int = 0
    length: int | None = None
    below: str = ""


class MediaPlaces:
    """What one run's state file says: its event files by number, or its segments' folders."""

    def __init__(self, files: Mapping[int, str], folders: list[str]) -> None:
        self._files = files
        self._folders = folders

    def place(self, log_folder: str, name: str) -> MediaPlace | None:
        """Return where a file of the run lies; None where it is none. name: below the run's folder."""
        before = f"{log_folder}/" if log_folder else ""
        wanted = media_range(name)
        if wanted is not None and wanted.file_number in self._files:
            return MediaPlace(f"{before}{self._files[wanted.file_number]}", wanted.offset, wanted.length)
        number, _, rest = name.removeprefix(_BELOW_MEDIA).partition("/")
        if not rest or not name.startswith(_BELOW_MEDIA) or not {"", ".", ".."}.isdisjoint(rest.split("/")):
            return None
        if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number) < len(self._folders)):
            return None
        below = f"{_BELOW_MEDIA}{rest}"
        return MediaPlace(f"{before}{self._folders[int(number)]}{FILES}/{below}", below=below)


def media_places(state: Mapping[str, Any]) -> MediaPlaces:
    """Return what the state file of a mirrored run says of its media."""
    return MediaPlaces(file_names(dict(state)), folders_of(state))
