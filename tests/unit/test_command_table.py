"""The table of subcommands says of each what it says of itself, and is all that `--help` needs."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest
import typer

from runicorn.cli.main import SUBCOMMANDS

HEAVY = ("fastapi", "uvicorn", "pydantic", "paramiko", "asyncssh", "numpy", "psutil")


@pytest.mark.parametrize("called", SUBCOMMANDS)
def test_the_help_of_a_subcommand_is_its_own(called: str) -> None:
    subcommand = SUBCOMMANDS[called]
    found = getattr(importlib.import_module(subcommand.module), subcommand.name)
    function = found.registered_callback.callback if isinstance(found, typer.Typer) else found
    paragraph = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    assert subcommand.help == paragraph


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], []])
def test_a_word_of_help_loads_no_server_and_no_ssh(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from runicorn.cli.main import main\n"
        f"sys.argv = ['runicorn', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("called", SUBCOMMANDS)
def test_every_subcommand_still_has_its_help(called: str) -> None:
    command = [sys.executable, "-m", "runicorn", called, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert f"runicorn {called}" in done.stdout
