"""A real Jupyter kernel runs cells: what they log, print and raise is recorded, however the kernel ends."""

import queue
import subprocess
import sys
import textwrap
import time

import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("jupyter_client")

from jupyter_client.manager import KernelManager

START_SECS = 60
CELL_SECS = 60
END_SECS = 30


class Notebook:
    """One kernel. run: executes a cell and returns what it showed: the texts of its streams, and its error's name.

    send: asks for a cell to be executed. One that fails takes none along that comes behind it: for a moment after it,
    the kernel would answer those with "aborted", without executing them.
    """

    def __init__(self):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self._connect()

    def _connect(self):
        self.client.start_channels()
        self.client.wait_for_ready(timeout=START_SECS)

    def send(self, code):
        return self.client.execute(textwrap.dedent(code), stop_on_error=False)

    def run(self, code):
        shown, error = [], None
        asked = self.send(code)
        deadline = time.monotonic() + CELL_SECS
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"the cell did not end; it showed {''.join(shown)!r}")
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                shown.append(content["text"])
            elif kind == "error":
                error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                return "".join(shown), error

    def restart(self):
        """Kill the kernel and start another one, as *Restart* does when the kernel does not answer."""
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=START_SECS)

    def close(self, *, now=False):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


@pytest.fixture
def notebook(recorded):
    opened = Notebook()
    yield opened
    opened.close(now=True)


def states(recorded):
    return {run.name: run.state.value for run in recorded.runs()}


def wait_for(condition, what):
    deadline = time.monotonic() + END_SECS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_cell_that_raises_leaves_the_run_open_and_its_traceback_in_the_console(recorded, notebook):
    assert notebook.run("import runicorn as rn\nrun = rn.init('notebook')") == ("", None)
    assert notebook.run("run.log({'loss': 1.0})\nprint('hello from a cell')") == ("hello from a cell\n", None)
    shown, error = notebook.run("def train():\n    raise ValueError('diverged')\n\ntrain()")
    assert (shown, error) == ("", "ValueError")
    assert notebook.run("print(run.is_open)\nrun.log({'loss': 0.5})") == ("True\n", None)
    console = recorded.console()
    assert console.startswith("hello from a cell\n")
    assert console.count("ValueError: diverged") == 1
    assert "in train" in console and "raise ValueError('diverged')" in console
    assert recorded.run().state.value == "running"
    assert [value for _, value in recorded.series("loss")] == [1.0, 0.5]
    notebook.close()
    assert (recorded.run().state.value, recorded.run().exit_reason) == ("finished", None)


def test_each_kind_of_failure_is_in_the_console_once_and_ends_nothing(recorded, notebook):
    """The first in the cell of init() itself, which IPython tells of as of any other."""
    cells = {
        "import runicorn as rn\nrun = rn.init()\nprint('first')\nraise OSError('of the first cell')": "OSError",
        "def broken(:": "SyntaxError",
        "await __import__('asyncio').sleep(0)\nraise LookupError('after an await')": "LookupError",
        "raise KeyboardInterrupt('a person')": "KeyboardInterrupt",
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise RuntimeError('so') from error": "RuntimeError",
        "import sys\nsys.exit(3)": "SystemExit",
    }
    for code, name in cells.items():
        assert notebook.run(code)[1] == name
    assert notebook.run("print('and on', run.is_open)")[0] == "and on True\n"
    console = recorded.console()
    assert console.startswith("first\nTraceback (most recent call last):\n") and console.endswith("and on True\n")
    for once in (
        "OSError: of the first cell\n", "SyntaxError: ", "def broken(:", "LookupError: after an await\n",
        "KeyboardInterrupt: a person\n", "ZeroDivisionError: ", "RuntimeError: so\n", "SystemExit: 3\n",
    ):  # fmt: skip
        assert console.count(once) == 1, once
    assert 'interactiveshell.py", line' not in console
    notebook.close()
    assert (recorded.run().state.value, recorded.run().exit_reason) == ("finished", None)


def test_the_next_init_finishes_the_run_before_and_each_has_its_own_output(recorded, notebook):
    notebook.run("import sys, threading\nimport runicorn as rn")
    for number in range(4):
        notebook.run(f"run = rn.init(name='run {number}')\nprint('begins {number}')")
        notebook.run(f"print('goes on {number}', file=sys.stderr)\nrun.log({{'loss': {number}}})")
    notebook.run("rn.finish()\nprint('nobody keeps this')")
    assert states(recorded) == {f"run {number}": "finished" for number in range(4)}
    for run in recorded.runs():
        number = run.name.removeprefix("run ")
        assert recorded.console(run) == f"begins {number}\ngoes on {number}\n"
        assert recorded.series("loss", run) == [(0, float(number))]
    shown, _ = notebook.run(
        """
        deepest = 0
        write = sys.stdout.write
        while "runicorn" in type(write).__module__:
            deepest, write = deepest + 1, write.original
        print(deepest)
        """
    )
    assert int(shown) <= 1, "wrappers of earlier runs have piled up"


def test_a_thread_that_prints_between_cells_is_kept(recorded, notebook):
    notebook.run("import threading\nimport runicorn as rn\nrun = rn.init()\ngo = threading.Event()")
    notebook.run("thread = threading.Thread(target=lambda: (go.wait(30), print('from a thread')))\nthread.start()")
    notebook.run("import asyncio\nasyncio.get_running_loop().call_later(0.01, go.set);")
    wait_for(lambda: "from a thread\n" in recorded.console(), "the thread's output is not in the console")


def test_a_kernel_that_is_killed_leaves_a_killed_run_with_all_points(recorded, notebook):
    notebook.run("import runicorn as rn\nrun = rn.init(name='first')")
    notebook.run("for step in range(1000):\n    run.log({'loss': float(step)})")
    notebook.restart()
    assert states(recorded) == {"first": "killed"}
    assert [value for _, value in recorded.series("loss")] == [float(step) for step in range(1000)]
    assert notebook.run("import runicorn as rn\nrun = rn.init(name='second')\nrun.log({'loss': 1})") == ("", None)
    notebook.manager.shutdown_kernel()
    assert states(recorded) == {"first": "killed", "second": "finished"}


def test_an_interrupted_cell_leaves_the_run_open(recorded, notebook):
    notebook.run("import time\nimport runicorn as rn\nrun = rn.init()")
    asked = notebook.send("run.log({'loss': 1})\nprint('up')\nfor _ in range(600): time.sleep(0.1)")
    wait_for(lambda: recorded.console() == "up\n", "the cell does not run")
    notebook.manager.interrupt_kernel()
    replies = iter(lambda: notebook.client.get_shell_msg(timeout=CELL_SECS), None)
    reply = next(reply for reply in replies if reply["parent_header"].get("msg_id") == asked)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert notebook.run("run.log({'loss': 2})\nprint(run.is_open)")[0] == "True\n"
    assert "time.sleep(0.1)" in recorded.console()
    assert [value for _, value in recorded.series("loss")] == [1.0, 2.0]


def test_a_notebooks_bar_goes_to_the_notebook_and_disturbs_nothing(recorded, notebook):
    notebook.run("import runicorn as rn\nfrom tqdm.notebook import tqdm\nrun = rn.init()")
    shown, error = notebook.run("for step in tqdm(range(50)):\n    run.log({'loss': step})\nprint('done')")
    assert (shown, error) == ("done\n", None)
    assert recorded.console() == "done\n"
    assert len(recorded.series("loss")) == 50
    assert notebook.run("print(run.warnings.counts())")[0] == "{}\n"


def test_ipython_without_a_kernel_prints_its_tracebacks_itself_and_they_are_kept_once(recorded):
    code = """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance(colors="nocolor", history_manager=None)
        shell.run_cell("import runicorn as rn; run = rn.init(); print('first')")
        shell.run_cell("print('second')")
        shell.run_cell("raise ValueError('diverged')")
        shell.run_cell("print('third', run.is_open)")
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=CELL_SECS, check=False
    )
    assert done.returncode == 0, done.stderr
    console = recorded.console()
    assert console.startswith("first\nsecond\n") and console.endswith("third True\n")
    assert console.count("ValueError: diverged") == 1
