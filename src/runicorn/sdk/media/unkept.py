"""Kinds of media that other trackers keep and that have no place here."""

from __future__ import annotations

import functools
from typing import Any

from runicorn.sdk.media.base import Encoded, Media, MediaError, Store
from runicorn.storage.events import Kind


class _MadeAnyhow(type(Media)):  # type: ignore[misc]
    """A class whose further ways to make one, as `from_file`, are itself."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return cls


class Unkept(Media, metaclass=_MadeAnyhow):
    """Takes whatever it is given; log() says that it is not kept, and what to do instead."""

    kind = Kind.TEXT
    name = ""
    instead = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def encode(self, store: Store) -> Encoded:
        raise MediaError(f"{self.name} has no place here; {self.instead}")


@functools.cache
def unkept(name: str, instead: str = "log_artifact() keeps its file") -> type[Unkept]:
    """Return the class of that name."""
    return type(name.rpartition(".")[2], (Unkept,), {"name": name, "instead": instead})
