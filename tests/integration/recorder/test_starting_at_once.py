"""Processes that begin one run in the same moment, also those that know themselves by the same number."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# Children of one process, as the workers of a fork server are: whatever was drawn before the fork is the same in both.
# In containers that share a root, their pids may be as well.
STARTERS = """
    import os, sys
    import runicorn as rn
    import runicorn.sdk.run, runicorn.sdk.start
    from runicorn.errors import RunExistsError

    def start(number, how, gate, answer):
        os.getpid = lambda: 4242
        os.read(gate, 1)
        try:
            run = rn.init(id=f"run{number}", resume=how, console=False, system_metrics=False)
            run.log({"loss": 1.0})
            run.finish()
            os.write(answer, b"y")
        except RunExistsError:
            os.write(answer, b"n")
        os._exit(0)

    def at_once(number, how):
        gate, opens = os.pipe()
        answer, writes = os.pipe()
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                os.close(opens)
                start(number, how, gate, writes)
            children.append(child)
        os.close(gate), os.close(writes), os.close(opens)
        for child in children:
            os.waitpid(child, 0)
        said = sorted(os.read(answer, 2).decode())
        os.close(answer)
        return "".join(said)
"""


@posix
def test_one_of_two_starters_with_one_pid_gets_the_run_and_the_other_is_told(script):
    done = script.run(STARTERS + '    print(*(at_once(number, "never") for number in range(30)))')
    assert done.stdout.split() == ["ny"] * 30, done.stderr
    folders = list((script.root / "runs").iterdir())
    assert sorted(folder.name for folder in folders) == sorted(f"run{number}" for number in range(30))
    for folder in folders:
        assert json.loads((folder / "status.json").read_bytes())["metrics"]["loss"]["count"] == 1
        assert json.loads((folder / "run.json").read_bytes())["id"] == folder.name


@posix
def test_two_processes_of_one_pid_in_namespaces_of_their_own_record_one_run_together(script):
    unshare = shutil.which("unshare")
    alone = [unshare or "unshare", "--pid", "--fork"]
    if unshare is None or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("needs unshare and the right to make a pid namespace")
    code = """
        import os, sys
        import runicorn as rn
        sys.stdin.readline()
        run = rn.init(id="both", resume="allow", console=False, system_metrics=False)
        run.log({"loss": 1.0})
        print(os.getpid(), flush=True)
        sys.stdin.readline()
        run.finish()
    """
    both = [
        subprocess.Popen(
            [*alone, sys.executable, "-c", textwrap.dedent(code)],
            env=script.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    script.started += both
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.stdout.readline() for process in both] == ["1\n", "1\n"]
    for process in both:
        process.communicate("\n", timeout=20)
    folder = script.root / "runs" / "both"
    assert sorted(path.stat().st_size for path in folder.glob("metrics*.bin")) == [32, 32]
    assert [path.name for path in (script.root / "runs").iterdir()] == ["both"]


@posix
def test_what_is_to_be_renamed_over_a_file_has_another_name_in_each_forked_child(script):
    done = script.run(
        """
        import os
        from pathlib import Path
        from runicorn.storage.writer import draft_path

        answer, writes = os.pipe()
        for _ in range(4):
            child = os.fork()
            if child == 0:
                os.getpid = lambda: 4242
                os.write(writes, draft_path(Path("status.json")).name.encode() + b"\\n")
                os._exit(0)
            os.waitpid(child, 0)
        names = os.read(answer, 10_000).split()
        print(len(names), len(set(names)))
        """
    )
    assert done.stdout.split() == ["4", "4"], done.stderr
