"""What an import reads from and what it reads into: the two sides that every tracker's reader stands between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from runicorn.storage.foreign.facts import Facts


class Sink(Protocol):
    """Takes a run's contents in their order."""

    def point(self, metric: str, step: int, time: float, value: float) -> None: ...

    def rewind(self, step: int) -> None:
        """Abandon the points and events of this step and later ones that came so far."""
        ...

    def event(self, event: Mapping[str, Any]) -> None:
        """Take what storage.events builds."""
        ...

    def media(self, path: str, content: bytes | Path) -> None:
        """Take a file that events point to. path: below the run's folder."""
        ...

    def console(self, content: bytes) -> None:
        """Take the next piece of what the program printed."""
        ...

    def read_so_far(self, share: float) -> None:
        """Hear how much of the source is behind the reader, 0 to 1; called often."""
        ...


class Source(Protocol):
    """One run of another tracker. tool: whose. label: for people. identity: the same for the same run, always.

    content: a word on the kind of source and what changes when it holds more, such as its size.
    size_bytes: about how much there is to read.
    """

    @property
    def tool(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def identity(self) -> str: ...

    @property
    def content(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    def read(self, sink: Sink) -> Facts:
        """Put all contents into the sink. Raises SourceUnreadableError where nothing can be read of it."""
        ...
