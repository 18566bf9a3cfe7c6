"""What every media type has in common: it is made of anything, and turned into a file or plain JSON when logged."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from runicorn.storage.events import Kind


class MediaError(ValueError):
    """A value that cannot be shown as what it was said to be; log() warns of it and goes on."""


@dataclass(frozen=True)
class Content:
    """What goes into a file below media/: bytes, or a file to copy, and the extension of its name."""

    data: bytes | Path
    extension: str


@dataclass(frozen=True)
class Encoded:
    """A value ready to be stored. item: its part of the event, to which `file` is added where there is content."""

    item: Mapping[str, Any] = field(default_factory=dict)
    content: Content | None = None


Store = Callable[["Media"], dict[str, Any]]


class Media:
    """A value for log(). The constructors raise nothing: what was passed is looked at when it is logged."""

    kind: ClassVar[Kind]
    caption: str | None = None
    assumed: str | None = None  # what encode() had to assume of the value, for a warning

    def _assume(self, what: str) -> None:
        self.assumed = what if self.assumed in (None, what) else f"{self.assumed}, and {what}"

    def encode(self, store: Store) -> Encoded:
        """Return it ready to be stored; `store` stores one that lies within it. Raises MediaError."""
        raise NotImplementedError

    def captioned(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item with this value's caption, where it has one."""
        return {**item, "caption": str(self.caption)[:1000]} if self.caption is not None else dict(item)


def shown_file(value: Any, extensions: frozenset[str]) -> Content | None:
    """Return the file that a text or a path names, or None where the value is something else.

    extensions: of the files that a browser shows as what this is said to be. Raises MediaError for others, and where
    there is no such file.
    """
    path = existing_file(value)
    if path is None:
        return None
    extension = path.suffix.lstrip(".").lower()
    if extension not in extensions:
        raise MediaError(f"a browser does not show {path.suffix or 'a file without an extension'} as that")
    return Content(path, extension)


def existing_file(value: Any) -> Path | None:
    """Return the file that a text or a path names, or None where the value is something else.

    Raises MediaError where it names a file that is not there.
    """
    if not isinstance(value, (str, os.PathLike)):
        return None
    path = Path(os.fspath(value))
    try:
        if path.is_file():
            return path
    except (OSError, ValueError) as error:  # a name that the system forbids
        raise MediaError(f"{str(path)[:200]!r} is no file: {error}") from error
    raise MediaError(f"there is no file {str(path)[:200]!r}")
