"""Replace a file atomically: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

_SUFFIX = ".tmp"
_RANDOM = "[a-z0-9_]{8}"  # what mkstemp puts in between


def replace_file(path: Path, content: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Write `content` to a temporary file beside `path` and rename it over.

    mode: permission bits of the new file. durable: whether the content is on the disk before the rename.
    Raises OSError; then the old file stands as it was and no temporary file is left.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def sweep_temporaries(path: Path) -> None:
    """Remove the temporary files of those who were killed while they replaced `path`.

    Call it only while nobody else can be replacing it. Raises OSError.
    """
    name = re.compile(re.escape(f".{path.name}.") + _RANDOM + re.escape(_SUFFIX))
    for each in path.parent.iterdir():
        if name.fullmatch(each.name) and each.is_file():
            each.unlink()
