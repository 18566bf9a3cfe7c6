"""What imports that were killed left in a storage root: half runs are removed, runs that were set aside come back.

A run is written into `runs/.new-import-<owner>-<random>`, which the dot hides from every reader. One that is replaced
lies for a moment in a folder of the same name with `-old`, whole, and then with `-gone`, while it is removed.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from pathlib import Path

from runicorn.storage import drafts, layout
from runicorn.storage.jsonio import decode_object

_OLD, _GONE = "-old", "-gone"
# Those of older versions have the pid alone, which says nothing of the process.
_NAME = re.compile(rf"\.new-import-({drafts.OWNER}|\d+)-[0-9a-f]{{8}}({_OLD}|{_GONE})?")


def draft_name() -> str:
    """Return a name for a new draft of this process."""
    return f".new-import-{drafts.owner()}-{secrets.token_hex(4)}"


def place_of_old(draft: Path) -> Path:
    """Return where the run lies for the moment in which the draft takes its place."""
    return draft.with_name(draft.name + _OLD)


def remove_old(old: Path) -> None:
    """Remove a run that was replaced. Raises nothing."""
    gone = old.with_name(old.name.removesuffix(_OLD) + _GONE)
    with contextlib.suppress(OSError):
        old.rename(gone)  # half removed it must not be taken for one that is to come back
        shutil.rmtree(gone, ignore_errors=True)


def tidy(root: Path) -> None:
    """Remove what imports left whose process is gone, and put back what they had set aside. Raises nothing."""
    with contextlib.suppress(OSError):
        found = [(path, match) for path in (root / layout.RUNS).iterdir() if (match := _NAME.fullmatch(path.name))]
        # Those that were set aside come first: their names are free only once they are back.
        for path, match in sorted(found, key=lambda each: each[1][2] != _OLD):
            with contextlib.suppress(OSError):
                if not drafts.is_abandoned(path, match[1]):
                    continue
                if match[2] == _OLD:
                    _put_back(path)
                else:
                    shutil.rmtree(path, ignore_errors=True)


def _put_back(old: Path) -> None:
    run_id = (decode_object((old / layout.RUN_FILE).read_bytes()) or {}).get("id")
    if not isinstance(run_id, str) or not layout.is_run_id(run_id):
        return  # nobody can tell whose it is, and nothing of it may be lost
    target = old.with_name(run_id)
    if target.exists():
        remove_old(old)
    else:
        old.rename(target)
