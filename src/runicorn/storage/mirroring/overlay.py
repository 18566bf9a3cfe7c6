"""One storage root out of two: the folder itself, and the runs that its TensorBoard event files stand for."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from runicorn.storage import layout
from runicorn.storage.events import MEDIA
from runicorn.storage.files import Condensed, Condensing, CondensingRule, Files, FileStat, LocalFiles, Range
from runicorn.storage.jsonio import decode_object
from runicorn.storage.mirroring.media_places import MediaPlace, MediaPlaces, media_places
from runicorn.storage.mirroring.mirror import Mirror, mirror_home
from runicorn.storage.mirroring.mirrored_run import STATE_FILE
from runicorn.storage.packed_files import PackedFiles
from runicorn.storage.tensorboard.media_names import MediaNames

_LOOK_EVERY_SECS = 0.02
_LOOK_EVERY_FAR_SECS = 2.0
_BELOW_RUNS = layout.RUNS + "/"
_BELOW_MEDIA = MEDIA + "/"


class _Where(enum.Enum):
    """In which of the two a path lies."""

    OWN = "own"
    MIRRORED = "mirrored"
    NOWHERE = "nowhere"


class OverlayFiles(Files):
    """Reads both as one. Media of mirrored runs are ranges of their event files; nothing of them is copied.

    files: how the folder is read. far: whether each call of theirs is a round trip, so that what seldom changes is
    asked for less often, and a list of our own runs does not wait for the others.
    """

    def __init__(self, files: Files, mirror: Mirror, *, far: bool = False) -> None:
        self.batch_bytes = files.batch_bytes
        self.batch_folders = files.batch_folders
        self.condenses, self.pours = files.condenses, files.pours
        self.mirror = mirror
        self._own = PackedFiles(files)
        self._far = far
        self._look_every_secs = _LOOK_EVERY_FAR_SECS if far else _LOOK_EVERY_SECS
        self._known_runs: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._is_storage_root = False
        self._root_looked_at = float("-inf")
        self._own_runs: set[str] = set()
        self._places: dict[str, tuple[FileStat, MediaPlaces]] = {}
        self._media = MediaNames()

    @property
    def is_metered(self) -> bool:
        return self._own.is_metered

    def names(self, path: str) -> list[str]:
        if path != layout.RUNS:
            return [entry.name for entry in self.list(path)]
        mirrored, own = self._runs(), self._own.names(path)
        self._learn(own)
        return [name for name in own if self._is_own_run(name)] + [
            name for name in self._mirrored.names(path) if name in mirrored
        ]

    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        where = self._where(folders)
        own = iter(self._own.look([folder for folder, each in zip(folders, where, strict=True) if each is _Where.OWN]))
        found: list[list[FileStat] | OSError] = []
        for folder, each in zip(folders, where, strict=True):
            if each is _Where.NOWHERE:
                found.append([])
            elif each is _Where.MIRRORED:
                found.append(self._look_mirrored(folder))
            else:
                entries = next(own)
                is_all = folder == layout.RUNS and not isinstance(entries, OSError)
                found.append(self._with_mirrored(entries) if is_all else entries)  # type: ignore[arg-type]
        return found

    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        where = self._where(paths)
        own = iter(self._stats_and_root([path for path, each in zip(paths, where, strict=True) if each is _Where.OWN]))
        found: list[FileStat | OSError | None] = []
        for path, each in zip(paths, where, strict=True):
            if each is _Where.NOWHERE:
                found.append(None)
            elif each is _Where.MIRRORED:
                found.append(self._stat_mirrored(path))
            else:
                status = next(own)
                found.append(self._stat_runs(status) if path == layout.RUNS else status)
        return found

    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        where = self._where([each.path for each in ranges])
        # Of what is mirrored, media lie in the event files, and so on the own side.
        wanted = [
            each if home is not _Where.MIRRORED else self._media_part(each)
            for each, home in zip(ranges, where, strict=True)
        ]
        own = iter(self._own.fetch([each for each in wanted if isinstance(each, Range)]))
        return [
            next(own) if isinstance(there, Range) else self._mirrored.fetch([each])[0] if there is None else there
            for each, there in zip(ranges, wanted, strict=True)
        ]

    def condense(
        self, wishes: Sequence[Condensing], ranges: Sequence[Range]
    ) -> tuple[list[Condensed | None], list[bytes | OSError]]:
        # What is mirrored lies here, and is read as it is.
        wished = self._own_among([wish.path for wish in wishes])
        asked = self._own_among([each.path for each in ranges])
        made, found = self._own.condense([wishes[at] for at in wished], [ranges[at] for at in asked])
        of_wishes, of_ranges = dict(zip(wished, made, strict=True)), dict(zip(asked, found, strict=True))
        rest = iter(self.fetch([each for at, each in enumerate(ranges) if at not in of_ranges]))
        return (
            [of_wishes.get(at) for at in range(len(wishes))],
            [of_ranges[at] if at in of_ranges else next(rest) for at in range(len(ranges))],
        )

    def foresee(self, folders: Sequence[str], rule: CondensingRule | None = None) -> None:
        # Of a folder that may be of a mirrored run, nothing is asked on the other side.
        own = [folder for folder in folders if layout.is_stamped_id(_split(f"{folder}/")[0] or "")]
        if self._far and own:
            self._own.foresee(own, rule)

    def pour(self, path: str, sizes: Iterable[int], take: Callable[[memoryview], bool]) -> None:
        files = self._own if self._own_among([path]) else self._mirrored
        files.pour(path, sizes, take)

    def inside(self, folder: str, path: str) -> str | None:
        run_id, below = _split(f"{folder}/{path}")
        (where,) = self._where([f"{folder}/{path}"])
        if where is _Where.MIRRORED:
            if run_id is not None and self._is_media_inside(run_id, below):
                return f"{folder}/{path}"
            return self._mirrored.inside(folder, path)
        return self._own.inside(folder, path) if where is _Where.OWN else None

    def arriving(self) -> int:
        return self.mirror.arriving()

    def home_of(self, run_id: str) -> Path | None:
        """Return the storage root on this machine that holds a mirrored run; None where it is none."""
        return self.mirror.home if run_id in self._runs() else None

    def close(self) -> None:
        """End what follows the event files."""
        self.mirror.close()

    # --- which of the two -------------------------------------------------------------------------------------------

    def _runs(self) -> dict[str, str]:
        """Return the mirrored runs; asked for a hundred times in a listing, they are looked up once."""
        moment = time.monotonic()
        if moment - self._looked_at > _LOOK_EVERY_SECS:
            # Of a folder far away, whether it is a storage root is told together with what is asked for first.
            waits = not self._far or (not self._is_storage_root and self._root_looked_at > float("-inf"))
            self._known_runs, self._looked_at = self.mirror.runs(waits=waits), time.monotonic()
        return self._known_runs

    @property
    def _mirrored(self) -> LocalFiles:
        return LocalFiles(self.mirror.home)

    def _is_plainly_own(self, path: str) -> bool:
        """Tell whether a path lies on the own side, as far as that is known without asking for anything."""
        if not path.startswith(_BELOW_RUNS):
            return path != layout.RUNS
        run_id = path[len(_BELOW_RUNS) :].partition("/")[0]
        return self._is_storage_root and run_id not in self._runs() and run_id not in self.mirror.claimed()

    def _where(self, paths: Sequence[str]) -> list[_Where]:
        """Return in which of the two each path lies; that of all runs lies in both, and is the own one's here."""
        mirrored = self._runs()
        run_ids = [_split(path)[0] for path in paths]
        self._learn([run_id for run_id in run_ids if run_id is not None and run_id not in mirrored])
        return [
            _Where.OWN if run_id is None
            else _Where.MIRRORED if run_id in mirrored
            else _Where.OWN if self._is_own_run(run_id)
            else _Where.NOWHERE
            for run_id in run_ids
        ]  # fmt: skip

    def _own_among(self, paths: Sequence[str]) -> list[int]:
        """Return the places of those paths that lie on the own side."""
        return [at for at, where in enumerate(self._where(paths)) if where is _Where.OWN]

    def _knows_storage_root(self) -> bool:
        """Tell whether the folder is a storage root of ours, which it stays once it is one. Raises OSError."""
        if not self._is_storage_root and time.monotonic() - self._root_looked_at > self._look_every_secs:
            self._is_storage_root = self._own.stat(layout.ROOT_FILE) is not None
            self._root_looked_at = time.monotonic()
        return self._is_storage_root

    def _stats_and_root(self, paths: Sequence[str]) -> Sequence[FileStat | OSError | None]:
        """Return what is at each path; where a call is a round trip, find out with it what the root is."""
        if not self._far or self._is_storage_root or time.monotonic() - self._root_looked_at <= self._look_every_secs:
            return self._own.stats(paths)
        *found, root = self._own.stats([*paths, layout.ROOT_FILE])
        if not isinstance(root, OSError):
            self._is_storage_root, self._root_looked_at = root is not None, time.monotonic()
        return found

    def _learn(self, names: Sequence[str]) -> None:
        """Find out which folders in runs/ are runs of ours, in one call. Raises OSError."""
        # An id with a time stamp is given by our recorder only.
        names = [name for name in names if not (self._far and layout.is_stamped_id(name))]
        if not names or self._knows_storage_root():
            return
        new = [name for name in dict.fromkeys(names) if name not in self._own_runs]
        if new:
            stats = self._own.stats([layout.run_path(name, layout.RUN_FILE) for name in new])
            self._own_runs |= {name for name, status in zip(new, stats, strict=True) if status is not None}

    def _is_own_run(self, name: str) -> bool:
        """Tell whether a folder in runs/ is a run of ours; PyTorch puts its logs into a folder of this name, too.

        In a storage root all are that hold no event files; elsewhere those that say that they are.
        """
        if self._is_storage_root:
            return name not in self.mirror.claimed()
        return name in self._own_runs or (self._far and layout.is_stamped_id(name))

    # --- what both show as one --------------------------------------------------------------------------------------

    def _with_mirrored(self, entries: list[FileStat]) -> list[FileStat]:
        mirrored = self._runs()
        self._learn([entry.name for entry in entries])
        own = [entry for entry in entries if self._is_own_run(entry.name)]
        if not mirrored:
            return own
        return own + [entry for entry in self._mirrored.list(layout.RUNS) if entry.name in mirrored]

    def _stat_runs(self, own: FileStat | OSError | None) -> FileStat | OSError | None:
        """Return what changes whenever a run comes or goes in either of the two folders."""
        if isinstance(own, OSError):
            return own
        found = [status for status in (own, self._mirrored.stat(layout.RUNS)) if status is not None]
        if not found:
            return None
        size = sum(status.size_bytes for status in found) + len(self._runs())
        return FileStat(layout.RUNS, True, size, max(status.mtime_ns for status in found), found[0].inode)

    # --- a mirrored run ---------------------------------------------------------------------------------------------

    def _look_mirrored(self, path: str) -> list[FileStat] | OSError:
        run_id, below = _split(path)
        assert run_id is not None
        try:
            if below == MEDIA or below.startswith(_BELOW_MEDIA):
                return self._look_media(run_id, below)
            entries = [entry for entry in self._mirrored.list(path) if entry.name != STATE_FILE]
            if not below and self._media_names(run_id):
                entries.append(FileStat(MEDIA, True, 0, 0, 0))
        except OSError as error:
            return error
        return entries

    def _stat_mirrored(self, path: str) -> FileStat | OSError | None:
        run_id, below = _split(path)
        assert run_id is not None
        try:
            if below.startswith(_BELOW_MEDIA):
                return self._stat_media(run_id, [below])[0]
            return self._mirrored.stat(path)
        except OSError as error:
            return error

    def _look_media(self, run_id: str, folder: str) -> list[FileStat]:
        """Return what is in a folder of media, as far as events name it."""
        below = [name[len(folder) + 1 :] for name in self._media_names(run_id) if name.startswith(f"{folder}/")]
        folders = dict.fromkeys(name.partition("/")[0] for name in below if "/" in name)
        files = self._stat_media(run_id, [f"{folder}/{name}" for name in below if "/" not in name])
        return [FileStat(name, True, 0, 0, 0) for name in folders] + [found for found in files if found is not None]

    def _stat_media(self, run_id: str, names: Sequence[str]) -> list[FileStat | None]:
        """Return what media are, by their names below the run's folder; None for what is something else."""
        parts = [self._media_place(run_id, name) for name in names]
        paths = list(dict.fromkeys(part.path for part in parts if part is not None))
        files = dict(zip(paths, self._own.stats(paths), strict=True)) if paths else {}
        found: list[FileStat | None] = []
        for name, part in zip(names, parts, strict=True):
            status = files[part.path] if part is not None else None
            if part is None or not isinstance(status, FileStat) or status.is_dir:
                found.append(None)
                continue
            length = status.size_bytes if part.length is None else part.length
            is_there = status.size_bytes >= part.start + length
            own = FileStat(name.rpartition("/")[2], False, length, status.mtime_ns, 0)
            found.append(own if is_there else None)
        return found

    def _is_media_inside(self, run_id: str, name: str) -> bool:
        """Tell whether there is such a file, and no link leads it out of the log's folder."""
        place = self._media_place(run_id, name)
        if place is None or self._stat_media(run_id, [name])[0] is None:
            return False
        return not place.below or self._own.inside(place.path.removesuffix(f"/{place.below}"), place.below) is not None

    def _media_place(self, run_id: str, name: str) -> MediaPlace | None:
        """Return which bytes of which file of the log are meant; None where it is something else."""
        folder = self._runs().get(run_id)
        places = self._media_places(run_id)
        return None if folder is None or places is None else places.place(folder, name)

    def _media_part(self, wanted: Range) -> Range | OSError | None:
        """Return the range of the log that is meant by one of a mirrored run; None for a file of the mirror."""
        run_id, below = _split(wanted.path)
        if run_id is None or not below.startswith(_BELOW_MEDIA):
            return None
        try:
            place = self._media_place(run_id, below)
        except OSError as error:
            return error
        if place is None:
            return None
        if place.length is None:
            return Range(place.path, wanted.start, wanted.length)
        left = max(0, place.length - wanted.start)
        length = left if wanted.length is None else min(left, wanted.length)
        return Range(place.path, place.start + wanted.start, length)

    def _media_places(self, run_id: str) -> MediaPlaces | None:
        path = layout.run_path(run_id, STATE_FILE)
        status = self._mirrored.stat(path)
        if status is None:
            return None
        known = self._places.get(run_id)
        if known is None or known[0] != status:
            try:
                state = self._mirrored.read(path)
            except FileNotFoundError:  # a run that is begun anew takes it away, also between these two calls
                return None
            known = self._places[run_id] = (status, media_places(decode_object(state) or {}))
        return known[1]

    def _media_names(self, run_id: str) -> tuple[str, ...]:
        return self._media.of(self._mirrored, layout.run_path(run_id, layout.EVENTS_FILE))

    # One at a time, a list of this machine's runs asks for thousands: what plainly is our own costs no more than there.

    def stat(self, path: str) -> FileStat | None:
        return self._own.stat(path) if self._is_plainly_own(path) else super().stat(path)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        own = self._is_plainly_own(path)
        return self._own.read(path, offset, length) if own else super().read(path, offset, length)

    def list(self, path: str) -> list[FileStat]:
        return self._own.list(path) if self._is_plainly_own(path) else super().list(path)


def open_folder(root: Path, cache: Path) -> OverlayFiles:
    """Return the files of a folder on this machine. cache: the folder for what is derived."""
    files, name = LocalFiles(root), os.path.realpath(root)
    return OverlayFiles(files, Mirror(files, Path(name).name, mirror_home(cache, name)))


def _split(path: str) -> tuple[str | None, str]:
    """Return the run that a path lies in, and the path below the run's folder."""
    if not path.startswith(_BELOW_RUNS):
        return None, ""
    run_id, _, below = path[len(_BELOW_RUNS) :].partition("/")
    return run_id, below
