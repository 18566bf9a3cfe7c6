"""A home with fifty Python environments of every kind, sound and broken, none of which may be started to be listed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.accounts import Account

COUNT = 50
MARK = "somebody-started-an-interpreter"

# Every interpreter here: who runs it waits for ever, and leaves a mark.
INTERPRETER = """#!/bin/sh
touch "{mark}"
exec sleep 600
"""


@dataclass(frozen=True)
class Listed:
    """What must be told of one environment. path: its interpreter. error: None where it can be used."""

    name: str
    type: str
    python_version: str
    path: str
    runicorn_version: str | None = None
    error: str | None = None


@dataclass
class Fifty:
    """Where they are, what must be told of each, and the file that appears when an interpreter is started."""

    home: Path
    listed: list[Listed] = field(default_factory=list)

    @property
    def mark(self) -> Path:
        return self.home / MARK

    # --- one of each kind -------------------------------------------------------------------------------------------

    def conda(self, where: str, version: str = "3.11.9", **more: str | None) -> None:
        prefix = self._prefix(where, version)
        (prefix / "conda-meta").mkdir()
        (prefix / "conda-meta" / "history").touch()
        if version:
            (prefix / "conda-meta" / f"python-{version}-h955ad1f_0.json").write_text("{}")
        self._list(prefix, "conda", version, **more)

    def venv(
        self, where: str, *config: str, kind: str = "virtualenv", version: str = "3.11.2", **more: str | None
    ) -> Path:
        """config: the lines of its pyvenv.cfg; those that `python -m venv` writes if there are none."""
        prefix = self._prefix(where, version)
        lines = config or ("home = /usr/bin", "include-system-site-packages = false", f"version = {version}")
        (prefix / "pyvenv.cfg").write_text("".join(f"{line}\n" for line in lines))
        self._list(prefix, kind, version, **more)
        return prefix

    def pyenv(self, where: str, version: str, **more: str | None) -> None:
        self._list(self._prefix(f".pyenv/versions/{where}", version), "pyenv", version, **more)

    # --- the parts of one -------------------------------------------------------------------------------------------

    def _prefix(self, where: str, version: str) -> Path:
        """Make a folder with an interpreter and a place for packages."""
        prefix = self.home / where
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin" / "python").symlink_to(self.home / "interpreter")
        self.site(prefix, version).mkdir(parents=True)
        return prefix

    def site(self, prefix: Path, version: str) -> Path:
        return prefix / "lib" / f"python{'.'.join(version.split('.')[:2])}" / "site-packages"

    def _list(
        self,
        prefix: Path,
        kind: str,
        version: str,
        *,
        name: str | None = None,
        path: str | None = None,
        runicorn: str | None = None,
        error: str | None = None,
    ) -> None:
        """name: the folder's own if not given. error: `{python}` stands for the interpreter."""
        python = path or f"{prefix}/bin/python"
        if runicorn:
            (self.site(prefix, version) / f"runicorn-{runicorn}.dist-info").mkdir()
        error = error and error.format(python=python)
        self.listed.append(Listed(name or prefix.name, kind, version, python, runicorn, error))


MISSING = "its Python is missing: {python} points to nothing"
NOT_EXECUTABLE = "its Python may not be executed by this user"


@contextlib.contextmanager
def fifty_environments(account: Account) -> Iterator[Fifty]:
    """Build them in the account's home. They go with the home; only what had to be mounted is undone on leaving."""
    fifty = Fifty(account.home)
    interpreter = account.home / "interpreter"
    interpreter.write_text(INTERPRETER.format(mark=fifty.mark))
    interpreter.chmod(0o755)
    _conda(fifty)
    _mamba(fifty)
    _pyenv(fifty)
    _tools(fifty)
    _plain(fifty)
    _broken(fifty)
    _not_to_be_listed(fifty)
    with _place_without_execution(fifty):
        account.give(account.home)
        for name in ("not-mine", "closed"):  # given away like all others, and taken back
            subprocess.run(["chown", "-hR", str(os.geteuid()), str(account.home / "venvs" / name)], check=True)
        assert len(fifty.listed) == COUNT
        yield fifty


def _conda(fifty: Fifty) -> None:
    fifty.conda("miniconda3", name="base", runicorn="0.9.0")
    fifty.conda("miniconda3/envs/torch", "3.10.14")
    fifty.conda("miniconda3/envs/two  words", "3.12.3", runicorn="0.8.1")
    fifty.conda('miniconda3/envs/it\'s "quoted"', "3.11.2", runicorn="0.5.4")
    fifty.conda("miniconda3/envs/$(touch pwned); `id` \\n", "3.11.1")
    fifty.conda("miniconda3/envs/[a-z]*?", "3.12.0", runicorn="1.0.0")
    fifty.conda("miniconda3/envs/ünïcode 模型", "3.13.1", runicorn="0.9.0")
    fifty.conda(
        "miniconda3/envs/line\nbreak",
        "3.12.1",
        name="line\ufffdbreak",
        path=f"{fifty.home}/miniconda3/envs/line\ufffdbreak/bin/python",
        error="its path holds characters that cannot be shown",
    )
    fifty.conda(
        f"miniconda3/envs/{os.fsdecode(b'caf' + bytes([0xE9]))}",
        "3.12.2",
        name="caf\ufffd",
        path=f"{fifty.home}/miniconda3/envs/caf\ufffd/bin/python",
        error="its path is no UTF-8",
    )
    fifty.conda("miniconda3/envs/old", "3.9.19", error="Python 3.9.19 is too old; 3.10 or newer is needed")
    fifty.conda("miniconda3/envs/no-python", "", error="it has no Python: {python} does not exist")
    (fifty.home / "miniconda3/envs/no-python/bin/python").unlink()
    fifty.conda("elsewhere/far away")
    fifty.conda(".conda/envs/personal", "3.12.7")
    lines = ["/gone/envs/last-year", "", f"{fifty.home}/miniconda3", f"{fifty.home}/elsewhere/far away/", "relative"]
    (fifty.home / ".conda" / "environments.txt").write_text("\n".join(lines))


def _mamba(fifty: Fifty) -> None:
    fifty.conda("mambaforge", "3.10.12", name=f"{fifty.home}/mambaforge")  # there is a `base` already
    fifty.conda("mambaforge/envs/jax", "3.11.5")
    fifty.conda("miniforge3/envs/torch", "3.12.4", name=f"{fifty.home}/miniforge3/envs/torch")
    fifty.conda("micromamba/envs/tiny", "3.13.0")
    fifty.conda(".local/share/mamba/envs/tiny-2", "3.13.2")  # where micromamba 2 has its root


def _pyenv(fifty: Fifty) -> None:
    fifty.pyenv("3.12.4", "3.12.4", runicorn="0.8.0")
    fifty.pyenv("3.9.18", "3.9.18", error="Python 3.9.18 is too old; 3.10 or newer is needed")
    fifty.pyenv("pypy3.10-7.3.17", "")
    fifty.conda(".pyenv/versions/miniforge3-24.3.0-0", "3.10.14")
    # pyenv-virtualenv links each of its environments beside the versions; it is listed once.
    fifty.venv(".pyenv/versions/3.12.4/envs/shop", path=f"{fifty.home}/.pyenv/versions/shop/bin/python")
    (fifty.home / ".pyenv/versions/shop").symlink_to("3.12.4/envs/shop")


def _tools(fifty: Fifty) -> None:
    fifty.venv(".cache/pypoetry/virtualenvs/app-Xy1_z-py3.11", kind="poetry", runicorn="0.9.0")
    fifty.venv(".cache/pypoetry/virtualenvs/lib-Zz9-py3.12", kind="poetry", version="3.12.1")
    broken = fifty.venv(".cache/pypoetry/virtualenvs/app-Xy1_z-py3.10", kind="poetry", version="3.10.2", error=MISSING)
    _link_python(broken, "/nowhere/python3.10")
    uv = ("home = /x/bin", "implementation = CPython", "uv = 0.5.1")
    fifty.venv("sweep/.venv", *uv, "version_info = 3.12.5", kind="uv", version="3.12.5", name="sweep")
    fifty.venv("work/nested/.venv", *uv, "version_info = 3.13.0", kind="uv", version="3.13.0", name="nested")
    fifty.venv(".local/share/uv/tools/ruff", *uv, "version_info = 3.11.9", kind="uv", version="3.11.9")
    fifty.venv(".venv", *uv, "version_info = 3.10.15", kind="uv", version="3.10.15")
    made_by_virtualenv = ("home = /usr/bin", "virtualenv = 20.26.2", "version_info = 3.10.12.final.0")
    fifty.venv(".virtualenvs/classic", *made_by_virtualenv, version="3.10.12")
    fifty.venv(".local/share/virtualenvs/shop-9fQ", *made_by_virtualenv, version="3.10.12", runicorn="0.9.1")


def _plain(fifty: Fifty) -> None:
    fifty.venv("venv")
    fifty.venv("env")
    fifty.venv("alpha/venv", name="alpha", runicorn="0.9.0")
    fifty.venv("beta/env", name="beta")
    fifty.venv("work/gamma/venv", name="gamma")
    decoy = fifty.venv("venvs/train")
    (fifty.site(decoy, "3.11") / "runicorn_extras-3.0.dist-info").mkdir()
    for folder in ("envs", ".venvs"):  # two more of the same name
        fifty.venv(f"{folder}/train", name=f"{fifty.home}/{folder}/train")


def _broken(fifty: Fifty) -> None:
    _link_python(fifty.venv("venvs/gone", error=MISSING), "/nowhere/python3")
    chained = fifty.venv("venvs/chained", error=MISSING)
    _link_python(chained, "python3")
    (chained / "bin" / "python3").symlink_to("/nowhere/python3")
    _link_python(fifty.venv("venvs/round", error=MISSING), "python")
    _replace_python(fifty.venv("venvs/no-x", error=NOT_EXECUTABLE), 0o644)
    _replace_python(fifty.venv("venvs/not-mine", error=NOT_EXECUTABLE), 0o700)
    folder = fifty.venv("venvs/folder", error="it has no Python: {python} is no file") / "bin" / "python"
    folder.unlink()
    folder.mkdir()
    # Python itself takes any file of that name for the sign of an environment, whatever stands in it.
    fifty.venv("venvs/garbage", "this is", "no configuration", version="3.11")
    (fifty.venv("venvs/empty", version="3.12") / "pyvenv.cfg").write_bytes(b"")
    binary = fifty.venv("venvs/binary", version="3.11", error="its pyvenv.cfg is no text, at which its Python stops")
    (binary / "pyvenv.cfg").write_bytes(bytes(range(256)) * 4)


def _not_to_be_listed(fifty: Fifty) -> None:
    """Make what looks a little like an environment and is none, or one that is listed already."""
    venvs = fifty.home / "venvs"
    (venvs / "loop").symlink_to("loop")
    (venvs / "here").symlink_to("there")
    (venvs / "there").symlink_to("here")
    (venvs / "home").symlink_to("..")
    (venvs / "train-again").symlink_to("train")
    (venvs / "nowhere").symlink_to("/nowhere/venv")
    (venvs / "notes.txt").write_text("version = 3.11.2\n")
    (venvs / "pipe").mkdir()
    os.mkfifo(venvs / "pipe" / "pyvenv.cfg")
    (venvs / "closed").mkdir(mode=0o700)
    (venvs / "closed" / "pyvenv.cfg").write_text("version = 3.11.2\n")
    (fifty.home / "relative" / "conda-meta").mkdir(parents=True)  # a line of environments.txt that says no place


@contextlib.contextmanager
def _place_without_execution(fifty: Fifty) -> Iterator[None]:
    """Make an environment where no file may be executed; where nothing can be mounted, one file that may not be."""
    place = fifty.home / "scratch"
    place.mkdir()
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "noexec,size=1m", "runicorn-test", str(place)], check=False, capture_output=True
    ).returncode
    try:
        prefix = fifty.venv("scratch/.venv", name="scratch", error=NOT_EXECUTABLE)
        _replace_python(prefix, 0o755 if mounted else 0o644)
        yield
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def _link_python(prefix: Path, to: str) -> None:
    (prefix / "bin" / "python").unlink()
    (prefix / "bin" / "python").symlink_to(to)


def _replace_python(prefix: Path, mode: int) -> None:
    """Make the interpreter a file of its own with these permissions."""
    path = prefix / "bin" / "python"
    content = path.read_text()
    path.unlink()
    path.write_text(content)
    path.chmod(mode)
