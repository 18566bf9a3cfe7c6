"""A script on its way to /bin/sh, through real login shells."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.remote.server import shell

LOGIN_SHELLS = [found for name in ("sh", "bash", "dash", "zsh", "fish", "tcsh") if (found := shutil.which(name))]


def run(login_shell: str, script: bytes) -> bytes:
    command, stdin = shell.deliver(script)
    return subprocess.run([login_shell, "-c", command], input=stdin, capture_output=True, check=True).stdout


@pytest.mark.parametrize("login_shell", LOGIN_SHELLS)
@pytest.mark.parametrize("size", [1, 5000])
def test_a_script_of_any_length_runs_in_every_login_shell(login_shell: str, size: int) -> None:
    text = 'it\'s "$HOME" `id` \\n % ! ~ * \t \u00e9 ' * size
    quoted = text.replace("'", "'\\''")
    assert run(login_shell, f"printf '%s' '{quoted}'\n".encode()) == text.encode()


def test_a_short_script_needs_no_input_and_a_long_one_no_long_command() -> None:
    assert shell.deliver(b"id")[1] == b""
    command, stdin = shell.deliver(b"#" * 2000)
    assert (command, stdin) == (shell.SHELL_COMMAND, b"#" * 2000)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_a_command_holds_nothing_that_any_login_shell_could_read_as_its_own(script: bytes) -> None:
    command, _ = shell.deliver(script)
    inside = command.removeprefix('exec /bin/sh -c \'eval "$(printf %b "').removesuffix('")"\'')
    assert not set(inside) & set("'\"`$!;&|<>(){}[]*?#~%^\n\r\0")
    decoded = subprocess.run(["/bin/sh", "-c", f"printf %b '{inside}'"], capture_output=True, check=True).stdout
    assert decoded == script
