"""What a shell tells of a host: the scripts as /bin/sh runs them, and any answer read as facts or as our error."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import LoginShellRefusedError, StartError
from runicorn.remote.server import shell_facts
from runicorn.remote.server.shell_facts import RootFacts, ShellFacts

BEGIN, END = "abc123", "def456"
needs_sh = pytest.mark.skipif(not Path("/bin/sh").exists(), reason="needs /bin/sh")


def by_sh(script: bytes, **environ: str) -> bytes:
    return subprocess.run(
        ["/bin/sh"], input=script, env={**os.environ, **environ}, capture_output=True, check=False
    ).stdout


@needs_sh
def test_the_shell_tells_itself_its_clock_and_where_the_ssh_server_listens() -> None:
    script = shell_facts.shell_script(BEGIN, END)
    before = int(time.time())
    said = by_sh(script, SHELL="/bin/zsh", SSH_CONNECTION="10.0.0.1 40000 10.0.0.2 2222")
    facts = shell_facts.parse_shell(said, b"", 0, BEGIN, END)
    assert (facts.shell, facts.ssh_port, facts.noise_bytes, facts.noise) == ("/bin/zsh", 2222, 0, "")
    assert before <= facts.clock <= time.time()
    no_connection = shell_facts.parse_shell(by_sh(script, SSH_CONNECTION=""), b"", 0, BEGIN, END)
    assert no_connection.ssh_port is None


def test_what_start_files_print_is_counted_on_both_streams() -> None:
    answer = f"{BEGIN}\n/bin/bash\n1700000000\n22\n{END}\n".encode()
    facts = shell_facts.parse_shell("Grüße\n".encode() + answer + b"bye\n", b"loaded\n", 0, BEGIN, END)
    assert facts == ShellFacts("/bin/bash", 1700000000, 22, len("Grüße\n".encode()) + 4 + 7, "Grüße\nbye\n\nloaded\n")


def test_a_shell_that_runs_nothing_is_refused_with_what_it_said() -> None:
    with pytest.raises(LoginShellRefusedError, match="not available"):
        shell_facts.parse_shell(b"This account is currently not available.\n", b"", 1, BEGIN, END)


@needs_sh
@pytest.mark.parametrize("name", ["plain", 'it\'s "quoted" $(id) `id`', "a  b", "-n"])
def test_a_root_of_any_name_is_looked_at_and_not_run(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    (root / "runs" / "one").mkdir(parents=True)
    (root / "runs" / "two").mkdir()
    facts = shell_facts.parse_root(by_sh(shell_facts.root_script(str(root), BEGIN, END)), BEGIN, END)
    assert (facts.path, facts.problem, facts.runs) == (str(root), None, 2)
    assert facts.free_bytes is not None
    assert facts.free_bytes > 0


@needs_sh
def test_a_root_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    def look(path: str) -> RootFacts:
        said = by_sh(shell_facts.root_script(path, BEGIN, END), HOME=str(tmp_path))
        return shell_facts.parse_root(said, BEGIN, END)

    assert look(str(tmp_path / "none")).problem == "does not exist on the server"
    facts = look("~/file")
    assert (facts.path, facts.problem, facts.runs) == (str(tmp_path / "file"), "is not a folder on the server", 0)
    assert look("~").path == str(tmp_path)


@given(st.binary(), st.binary(max_size=20), st.integers(-1, 255))
def test_garbage_is_our_error_or_facts(noise: bytes, body: bytes, status: int) -> None:
    for said in (noise, BEGIN.encode() + b"\n" + body + END.encode() + b"\n"):
        for parse in (
            lambda said: shell_facts.parse_shell(said, b"", status, BEGIN, END),
            lambda said: shell_facts.parse_root(said, BEGIN, END),
        ):
            try:
                parse(said)
            except StartError as error:
                assert error.hint
