"""An environment for each tracker, made once and kept in the user's cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

INSTALL_TIMEOUT_SECS = 900

# Programs start as they do for a person from the second time on: pip compiles what it installs, and ours is compiled as
# it is loaded, unless that is forbidden, as it is in many a container.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def python_of(name: str, packages: tuple[str, ...]) -> Path | None:
    """Return the interpreter of a tracker's environment; this one for no packages, None where it cannot be made."""
    if not packages:
        return Path(sys.executable)
    folder = Path(platformdirs.user_cache_dir("runicorn-benchmarks", appauthor=False)) / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == repr(packages):
        return python
    print(f"installing {name} ...", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    done = subprocess.run(
        [python, "-m", "pip", "-q", "--disable-pip-version-check", "install", *packages],
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_SECS,
        check=False,
    )
    if done.returncode:
        print(f"{name} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    stamp.write_text(repr(packages))
    return python


def version_of(python: Path, package: str) -> str:
    """Return the installed version of a package."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=False).stdout.strip()
