"""Which storage root is meant."""

from __future__ import annotations

import os
from pathlib import Path

from runicorn.errors import RootNotUsableError


def resolve_root(root: str | os.PathLike[str] | None) -> Path:
    """Return the storage root: what was passed, else RUNICORN_ROOT, else ~/runicorn_data. Raises RootNotUsableError."""
    chosen = root or os.environ.get("RUNICORN_ROOT") or "~/runicorn_data"
    try:
        return Path(chosen).expanduser().absolute()
    except RuntimeError:  # a container's uid without HOME or an entry, or the ~ of a user that is not there
        raise RootNotUsableError(
            f"There is no home folder for the ~ of {os.fspath(chosen)}; set RUNICORN_ROOT, or HOME.",
            hint="Choose a folder that this user can write to.",
        ) from None
