"""The listing command, run by real shells on real folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runicorn.remote.server import listing
from runicorn.remote.ssh.interface import RemoteEntry

BEGIN, END = "b" * 24, "e" * 24
SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]


def run(path: str, home: Path, shell: str = "sh") -> tuple[str, list[RemoteEntry]] | None:
    done = subprocess.run(
        [shell],
        input=listing.script(path, BEGIN, END),
        capture_output=True,
        env={**os.environ, "HOME": str(home)},
        check=False,
    )
    return listing.parse(b"Welcome!\n" + done.stdout, BEGIN, END)


@pytest.mark.parametrize("shell", SHELLS)
def test_names_of_every_kind_come_back_whole(tmp_path: Path, shell: str) -> None:
    folder = tmp_path / "it's $(touch pwned) `id`"
    folder.mkdir()
    names = ["plain", "two words", "line\nbreak", "-dash", "q'uote\"", "é", "*", BEGIN, END]
    for name in names:
        (folder / name).write_text("12345")
    (folder / "dir").mkdir()
    (folder / "link").symlink_to(folder / "dir")
    (folder / "broken").symlink_to(folder / "nowhere")
    answer = run(f"~/{folder.name}", tmp_path, shell)
    assert answer is not None
    path, entries = answer
    assert path == str(folder)
    by_name = {entry.name: entry for entry in entries}
    assert by_name.keys() == {*names, "dir", "link", "broken"}
    assert {name for name, entry in by_name.items() if entry.is_dir} == {"dir", "link"}
    assert by_name["plain"].size == 5
    assert by_name["plain"].mtime == int((folder / "plain").stat().st_mtime)
    assert not (tmp_path / "pwned").exists()


def test_names_that_are_no_utf8_are_shown_with_a_replacement(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))).touch()
    answer = run(str(tmp_path), tmp_path)
    assert answer is not None
    assert [entry.name for entry in answer[1]] == ["\ufffd"]


@pytest.mark.parametrize("path", ["/no/such", "/etc/passwd", "~nobody-here", "-", "relative/nowhere"])
def test_what_is_no_folder_gives_nothing_so_that_sftp_tells_why(tmp_path: Path, path: str) -> None:
    assert run(path, tmp_path) is None


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/no/such", listing.NOT_THERE),
        ("~nobody-here", listing.NOT_THERE),
        ("-", listing.NOT_THERE),
        ("relative/nowhere", listing.NOT_THERE),
        ("~/it's/not", listing.NOT_THERE),
        ("/etc/passwd", listing.NO_FOLDER),
        ("/etc/passwd/below", listing.NOT_THERE),
    ],
)
def test_where_there_is_no_sftp_the_command_tells_why(tmp_path: Path, shell: str, path: str, why: int) -> None:
    script = listing.script(path, BEGIN, END, tells_why=True)
    done = subprocess.run(
        [shell], input=script, capture_output=True, env={**os.environ, "HOME": str(tmp_path)}, timeout=10, check=False
    )
    assert done.returncode == why
    assert listing.parse(done.stdout, BEGIN, END) is None


@pytest.mark.parametrize("cut", [0, 10, 40, 60])
def test_half_an_answer_is_none(cut: int) -> None:
    whole = f"{BEGIN}/home/me\0d 4096 1795410494.5 runs\0".encode()
    assert listing.parse(whole[:cut], BEGIN, END) is None
    assert listing.parse(whole, BEGIN, END) is None
