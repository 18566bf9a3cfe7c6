"""Saved connections: a list of JSON objects in Runicorn's own folder. Never a secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from runicorn.errors import RemoteError, UsageError
from runicorn.files import replace_file
from runicorn.regular_files import read_regular

MAX_BYTES = 1024 * 1024

# Unknown fields are kept, so a secret under any spelling must be told by its name.
_SECRET = re.compile(
    r"pass(word|phrase|wd)?$|secret|token|^private_?key(_?content)?$|^key(_?content)?$|otp", re.IGNORECASE
)
_ALLOWED = frozenset({"privateKeyPath", "private_key_path"})


class SavedConnections:
    """The file of saved connections. Blocking; called from worker threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[dict[str, Any]]:
        """Return what was saved; nothing if there is no file. Raises RemoteError if it cannot be read."""
        try:
            content = json.loads(read_regular(self._path, MAX_BYTES))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            raise RemoteError(
                f"The saved connections in {self._path} cannot be read: {error}.", hint="Correct or remove that file."
            ) from error
        if not isinstance(content, list):
            raise RemoteError(f"{self._path} holds no list.", hint="Correct or remove that file.")
        return [without_secrets(item) for item in content if isinstance(item, dict)]

    def save(self, connections: list[dict[str, Any]]) -> None:
        """Replace the list, secret fields dropped. Raises UsageError if it is too large, RemoteError on a full disk."""
        content = json.dumps([without_secrets(item) for item in connections], indent=2, ensure_ascii=False).encode()
        if len(content) > MAX_BYTES:
            raise UsageError(f"The list takes {len(content)} bytes; at most {MAX_BYTES} are kept.")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self._path, content)
        except OSError as error:
            raise RemoteError(
                f"{self._path} cannot be written: {error.strerror}.",
                hint="Check the folder's permissions and free space.",
            ) from error


def without_secrets(value: Any) -> Any:
    """Return the value without any field whose name says that it is secret, at any depth; all texts fit into UTF-8."""
    if isinstance(value, dict):
        return {
            _well_formed(str(key)): without_secrets(item)
            for key, item in value.items()
            if key in _ALLOWED or not _SECRET.search(str(key))
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return _well_formed(value) if isinstance(value, str) else value


def _well_formed(text: str) -> str:
    """Return the text with U+FFFD for each half of a surrogate pair, which JSON can name and UTF-8 cannot hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
