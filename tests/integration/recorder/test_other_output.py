"""What C code and child programs print: where it is to be found, and that nothing about it is changed."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.recorded import console

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "record-a-run.md"
PRINTS_ALL_WAYS = """
import os, runicorn as rn
rn.init(system_metrics=False)
print("by python", flush=True)
os.write(1, b"by the descriptor\\n")
os.system("echo by a child")
os.system("echo by a childs stderr >&2")
"""


def output_files(script):
    (run,) = script.runs()
    return run["output_files"]


def into(script, stdout, stderr, code=PRINTS_ALL_WAYS):
    subprocess.run(
        [sys.executable, "-c", code], env=script.environ(), stdout=stdout, stderr=stderr, check=True, timeout=30
    )


def test_a_run_whose_output_goes_to_a_file_says_which_and_it_holds_everything(script, tmp_path):
    with (tmp_path / "slurm-1.out").open("ab") as file:
        into(script, file, subprocess.STDOUT)
    assert output_files(script) == [str(tmp_path / "slurm-1.out")]
    assert sorted((tmp_path / "slurm-1.out").read_text().splitlines()) == sorted(
        ["by python", "by the descriptor", "by a child", "by a childs stderr"]
    )
    assert console(script.root) == "by python\n"


def test_after_a_kill_9_the_file_lacks_nothing_that_a_child_printed(script, tmp_path):
    code = PRINTS_ALL_WAYS + "os.kill(os.getpid(), 9)"
    with (tmp_path / "out").open("ab") as file, pytest.raises(subprocess.CalledProcessError):
        into(script, file, file, code)
    assert "by a child\n" in Path(*output_files(script)).read_text()


def test_stdout_and_stderr_may_go_to_files_of_their_own(script, tmp_path):
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        into(script, out, err)
    assert output_files(script) == [str(tmp_path / "out"), str(tmp_path / "err")]


def test_a_file_that_has_no_name_any_more_is_not_named(script, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        (tmp_path / "out").unlink()
        into(script, out, subprocess.DEVNULL)
    assert output_files(script) == []


def test_a_terminal_stays_one_and_shows_everything_in_order(script):
    ours, theirs = pty.openpty()
    into(script, theirs, theirs, PRINTS_ALL_WAYS + "print(os.isatty(1), os.isatty(2))")
    shown = os.read(ours, 65536).decode().split("\r\n")
    os.close(ours)
    os.close(theirs)
    assert shown == ["by python", "by the descriptor", "by a child", "by a childs stderr", "True True", ""]
    assert output_files(script) == []


def test_what_the_page_says_to_do_for_a_child_puts_it_into_the_console(script):
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S) if "Popen" in block]
    script.run("import runicorn as rn\nrn.init(system_metrics=False)\n" + code)
    assert console(script.root) == "from a child\n"
