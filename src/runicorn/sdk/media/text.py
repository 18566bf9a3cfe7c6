"""Text, plain or Markdown, and pages of HTML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from runicorn.sdk.media.base import Content, Encoded, Media, MediaError, Store
from runicorn.storage.events import MAX_INLINE_CHARACTERS, Kind


class Text(Media):
    """Text of any length; a short one lies in the event itself."""

    kind = Kind.TEXT

    def __init__(self, text: Any, caption: str | None = None) -> None:
        self.text = text
        self.caption = caption

    def encode(self, store: Store) -> Encoded:
        text = str(self.text)
        if len(text) <= MAX_INLINE_CHARACTERS:
            return Encoded(self.captioned({"text": text}))
        content = Content(text.encode("utf-8", "backslashreplace"), "txt")
        return Encoded(self.captioned({"text": text[:200], "characters": len(text)}), content)


class Html(Media):
    """A page of HTML: a text, an open file, or the path of an .html file. It is shown without access to anything."""

    kind = Kind.HTML

    def __init__(self, data: Any, caption: str | None = None, **_: Any) -> None:
        self.data = data
        self.caption = caption

    def encode(self, store: Store) -> Encoded:
        data = self.data.read() if hasattr(self.data, "read") else self.data
        if isinstance(data, os.PathLike) or (isinstance(data, str) and data.endswith(".html") and "<" not in data):
            path = Path(data)
            if not path.is_file():
                raise MediaError(f"there is no file {str(path)[:200]!r}")
            return Encoded(self.captioned({}), Content(path, "html"))
        raw = data if isinstance(data, bytes) else str(data).encode("utf-8", "backslashreplace")
        return Encoded(self.captioned({}), Content(raw, "html"))
