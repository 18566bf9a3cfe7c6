"""Folders are opened without SSH, alone and as one list; a root that cannot be opened costs nothing but itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import runicorn as rn
from runicorn.errors import RootNotUsableError, UsageError


@pytest.fixture(autouse=True)
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two roots with a run of the same name each."""
    monkeypatch.setenv("RUNICORN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RUNICORN_ROOT", raising=False)
    for name in ("one", "two"):
        with rn.init("p", name="same", root=tmp_path / name, config={"lr": len(name)}) as run:
            run.log({"loss": 1.0})
    return [str(tmp_path / "one"), str(tmp_path / "two")]


def test_a_folder_needs_no_ssh_and_a_list_of_folders_neither(roots: list[str]) -> None:
    code = (
        "import sys, runicorn as rn\n"
        f"assert len(rn.open_root({roots[0]!r}).runs()) == 1\n"
        f"assert len(rn.open_root({roots!r}).runs()) == 2\n"
        "print([name for name in ('paramiko', 'asyncssh', 'cryptography', 'runicorn.remote', 'typer', 'fastapi')"
        " if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_several_folders_are_one_list(roots: list[str]) -> None:
    with rn.open_root(roots) as both:
        assert [both.place_of(run) for run in both.runs()] == roots[::-1]
        assert [both.run(both.address_of(run)).config for run in both.runs()] == [{"lr": 3}, {"lr": 3}]
        table = both.to_pandas()
        assert list(table["place"]) == roots[::-1]
        assert table["address"].is_unique
        assert set(table["host"]) == {both.runs()[0].host}


def test_a_place_that_is_given_twice_is_one(roots: list[str]) -> None:
    with rn.open_root([roots[0], roots[0]]) as both:
        assert len(both.runs()) == 1


def test_a_folder_that_is_not_there_is_left_out_with_a_warning(roots: list[str], tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with pytest.warns(UserWarning, match=r"missing is left out: There is no folder .* \(ROOT_NOT_USABLE\)"):
        both = rn.open_root([missing, roots[0]])
    with both:
        assert len(both.runs()) == 1
        assert list(both.failed) == [missing]
    with pytest.raises(RootNotUsableError):
        rn.open_root([missing])
    with pytest.raises(UsageError, match="No root"):
        rn.open_root([])


def test_a_server_that_cannot_be_is_told_before_anything_is_asked() -> None:
    with pytest.raises(UsageError, match="is no host name"):
        rn.open_root("ssh://-oProxyCommand=x/data")
