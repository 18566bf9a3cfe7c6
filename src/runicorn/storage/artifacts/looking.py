"""Looking at many artifacts at once: as few calls of Files for all of them as for one, as each may be a round trip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from runicorn.storage.artifacts import names
from runicorn.storage.files import Files, FileStat, Range, in_calls
from runicorn.storage.reader import MAX_SMALL_BYTES, small_length

# Two for each artifact; what is told of so many takes a few hundred KiB.
_FOLDERS_AT_ONCE = 2000
_MAX_ALIAS_BYTES = 64

Alias = tuple[str, str]  # the artifact's name, and its own


class Seen(NamedTuple):
    """What an artifact's folder holds. versions: their files by number, the oldest first; some may be damaged."""

    name: str
    versions: Mapping[int, FileStat]
    aliases: Sequence[str]

    def wish(self, number: int) -> VersionFile:
        return VersionFile(self.name, number, self.versions[number])


class VersionFile(NamedTuple):
    """The file of a version, as it was seen: equal ones hold the same."""

    name: str
    number: int
    status: FileStat

    @property
    def path(self) -> str:
        return names.version_path(self.name, self.number)


def look_at_all(files: Files) -> list[Seen]:
    """Return all artifacts that have a version, sorted by their names: two calls. Raises OSError."""
    entries = files.list(names.ARTIFACTS)
    return look_at(files, sorted(each.name for each in entries if each.is_dir and names.is_name(each.name)))


def look_at(files: Files, artifacts: Sequence[str]) -> list[Seen]:
    """Return those of these artifacts that have a version: one call. Raises OSError."""
    folders = [path for name in artifacts for path in (names.folder_path(name), _aliases_path(name))]
    looked = [
        _there(entries)
        for start in range(0, len(folders), _FOLDERS_AT_ONCE)
        for entries in files.look(folders[start : start + _FOLDERS_AT_ONCE])
    ]
    seen = (Seen(name, _versions(looked[2 * at]), _aliases(looked[2 * at + 1])) for at, name in enumerate(artifacts))
    return [each for each in seen if each.versions]


def read(
    files: Files, versions: Sequence[VersionFile], aliases: Sequence[Alias]
) -> tuple[dict[VersionFile, bytes], dict[Alias, int]]:
    """Return what is in the files of versions, and which numbers aliases mean, of all that can be read: one call.

    Raises OSError where the files do not answer, which says of none of them that it is not there.
    """
    wanted = [Range(each.path, 0, small_length(each.status)) for each in versions]
    wanted += [Range(names.alias_path(name, alias), 0, _MAX_ALIAS_BYTES) for name, alias in aliases]
    found = _fetch(files, wanted)
    grown = [at for at, each in enumerate(versions) if _is_cut(found[at], wanted[at])]
    if grown:
        again = _fetch(files, [Range(versions[at].path, 0, MAX_SMALL_BYTES + 1) for at in grown])
        for at, data in zip(grown, again, strict=True):
            found[at] = data
    contents = {
        version: data
        for version, data in zip(versions, found, strict=False)
        if data is not None and len(data) <= MAX_SMALL_BYTES
    }
    meant = {alias: _number(data) for alias, data in zip(aliases, found[len(versions) :], strict=True)}
    return contents, {alias: number for alias, number in meant.items() if number is not None}


def _fetch(files: Files, ranges: Sequence[Range]) -> list[bytes | None]:
    """Return the bytes of each range, None for one that cannot be read. Raises OSError where nobody answers."""
    found: list[bytes | None] = []
    for group in in_calls(ranges, lambda each: each.length or 0, files.batch_bytes):
        for data in files.fetch(group):
            if isinstance(data, (ConnectionError, TimeoutError)):
                raise data
            found.append(None if isinstance(data, OSError) else data)
    return found


def _is_cut(data: bytes | None, asked: Range) -> bool:
    """Tell whether there is more than the folder told: of an open file it may tell an older size."""
    return data is not None and asked.length is not None and len(data) >= asked.length


def _there(entries: Sequence[FileStat] | OSError) -> Sequence[FileStat]:
    if isinstance(entries, PermissionError):  # of somebody else's artifact
        return ()
    if isinstance(entries, OSError):
        raise entries
    return entries


def _aliases_path(name: str) -> str:
    return f"{names.folder_path(name)}/{names.ALIASES}"


def _versions(entries: Iterable[FileStat]) -> dict[int, FileStat]:
    found = {
        number: each
        for each in entries
        if each.name.endswith(".json") and (number := names.parse_version(each.name.removesuffix(".json"))) is not None
    }
    return dict(sorted(found.items()))


def _aliases(entries: Iterable[FileStat]) -> list[str]:
    return sorted(each.name for each in entries if not each.is_dir and names.clean_alias(each.name) == each.name)


def _number(data: bytes | None) -> int | None:
    try:
        return None if data is None else names.parse_version(data.decode().strip())
    except ValueError:
        return None
