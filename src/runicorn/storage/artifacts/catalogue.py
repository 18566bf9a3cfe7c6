"""Reading which artifacts a root holds: names, versions, aliases. What is damaged is left out, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runicorn.errors import ArtifactNotFoundError
from runicorn.storage.artifacts import names
from runicorn.storage.artifacts.manifest import Manifest, from_object
from runicorn.storage.artifacts.names import Reference
from runicorn.storage.files import Files
from runicorn.storage.reader import read_object

_MAX_ALIAS_BYTES = 64


@dataclass(frozen=True)
class Artifact:
    """An artifact with all of its versions, the oldest first. aliases: numbers by alias, `latest` among them."""

    name: str
    versions: tuple[Manifest, ...]
    aliases: Mapping[str, int]

    def aliases_of(self, number: int) -> tuple[str, ...]:
        return tuple(sorted(alias for alias, meant in self.aliases.items() if meant == number))


def artifact_names(files: Files) -> list[str]:
    """Return the names of all artifacts that have a version, sorted."""
    found = (each.name for each in files.list(names.ARTIFACTS) if each.is_dir and names.is_name(each.name))
    return sorted(name for name in found if _numbers(files, name))


def version_numbers(files: Files, name: str) -> list[int]:
    """Return the numbers that are taken, sorted; some may be damaged or still being written."""
    return _numbers(files, name)


def latest(files: Files, name: str) -> Manifest | None:
    """Return the readable version with the highest number, or None."""
    for number in reversed(_numbers(files, name)):
        manifest = version(files, name, number)
        if manifest is not None:
            return manifest
    return None


def version(files: Files, name: str, number: int) -> Manifest | None:
    """Return a version, or None where it is not there or damaged."""
    return from_object(name, number, read_object(files, names.version_path(name, number)))


def aliases(files: Files, name: str) -> dict[str, int]:
    """Return which version each alias means, `latest` left out."""
    found: dict[str, int] = {}
    for each in files.list(f"{names.folder_path(name)}/{names.ALIASES}"):
        if each.is_dir or names.clean_alias(each.name) != each.name or each.name.startswith("."):
            continue
        number = _alias(files, name, each.name)
        if number is not None:
            found[each.name] = number
    return found


def artifact(files: Files, name: str) -> Artifact | None:
    """Return an artifact with all of its versions, or None where there is none."""
    versions = [found for number in _numbers(files, name) if (found := version(files, name, number)) is not None]
    if not versions:
        return None
    return Artifact(name, tuple(versions), {**aliases(files, name), names.LATEST: versions[-1].number})


def resolve(files: Files, reference: Reference) -> Manifest:
    """Return the version that is asked for. Raises ArtifactNotFoundError, which says what there is instead."""
    wanted = reference.wanted
    if wanted == names.LATEST:
        found = latest(files, reference.name)
    else:
        number = wanted if isinstance(wanted, int) else _alias(files, reference.name, wanted)
        found = None if number is None else version(files, reference.name, number)
    if found is None:
        raise ArtifactNotFoundError(f"There is no artifact {reference}.", hint=_instead(files, reference.name))
    return found


def _instead(files: Files, name: str) -> str:
    numbers = _numbers(files, name)
    if numbers:
        others = ", ".join(sorted(aliases(files, name)))
        return f"It has versions v{numbers[0]} to v{numbers[-1]}" + (f" and the aliases {others}." if others else ".")
    known = artifact_names(files)
    if not known:
        return "This storage root holds no artifacts; check --root or RUNICORN_ROOT, or log one first."
    return f"This storage root holds {', '.join(known[:10])}{', ...' if len(known) > 10 else ''}."


def _numbers(files: Files, name: str) -> list[int]:
    found = (each.name for each in files.list(names.folder_path(name)))
    numbers = (names.parse_version(each.removesuffix(".json")) for each in found if each.endswith(".json"))
    return sorted(number for number in numbers if number is not None)


def _alias(files: Files, name: str, alias: str) -> int | None:
    try:
        return names.parse_version(files.read(names.alias_path(name, alias), 0, _MAX_ALIAS_BYTES).decode().strip())
    except (OSError, ValueError):
        return None
