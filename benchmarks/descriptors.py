"""What it would take to record what C code and child programs print: each way to take over descriptors 1 and 2.

    python benchmarks/descriptors.py [--repeats 3] [--only pty+thread]

Linux. Each way is set up in a process whose terminal is a pty that this program reads. Each figure is the median of the
repeats; the ways take turns. docs/decisions/console-of-descriptors.md says what follows from them.

    write us     one os.write(1, ...) of 80 bytes, 20,000 in a row; in brackets how many times that of `nothing`
    cpu us       processor time of the process and its helpers for one of them
    lost -9      of 2,000 lines that were written before a kill -9, how many are missing in the record
    unshown -9   how many of these are missing on the terminal
    GIL          C code that holds the GIL writes 256 KiB: does it come back within five seconds?
    tty          whether descriptor 1 still is a terminal; then: whether a pipe is now taken for one
    helper -9    what happens to the next write where a helper process is killed

`python` is what Runicorn does: sys.stdout.write is copied, and what goes to the descriptor is not, so that its lines
are printed with print(), as those of `..., print()` are. `file` is a process whose output goes to a file already, as
with nohup and Slurm: nothing is taken over, and the record is that file; of print(), what Python had not flushed is
gone.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import pty
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

WAYS = (
    "nothing",
    "nothing, print()",
    "python",
    "pipe+thread",
    "pty+thread",
    "file+thread",
    "pipe+process",
    "file",
    "file, print()",
)
LINES, KILL_LINES, LINE = 20_000, 2_000, b"%07d" + b"." * 72 + b"\n"
HANG_SECS, TRIAL_SECS = 5.0, 60.0
FOLLOW_EVERY_SECS = 0.05
_HELPERS: list[subprocess.Popen[bytes]] = []


def main() -> int:
    parser = argparse.ArgumentParser(description="Ways to record what goes to descriptors 1 and 2.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default=";".join(WAYS), help="ways, separated by semicolons")
    parser.add_argument("--trial", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.trial:
        trial(args.trial[0], args.trial[1], Path(args.trial[2]))
        return 0
    wanted = args.only.split(";")
    rows: dict[str, list[dict[str, Any]]] = {way: [] for way in wanted}
    for _ in range(args.repeats):
        for way in wanted:
            rows[way].append(measure(way))
    shown = {way: {name: middle([row[name] for row in found]) for name in found[0]} for way, found in rows.items()}
    first = shown[wanted[0]]["write us"]
    for way, row in shown.items():
        row["write us"] = f"{row['write us']:.2f} ({row['write us'] / first:.2f})"
        print(f"{way:14}" + "".join(f"  {name} {value}" for name, value in row.items()))
    return 0


def middle(values: list[Any]) -> Any:
    return round(statistics.median(values), 2) if not isinstance(values[0], str) else "/".join(dict.fromkeys(values))


def measure(way: str) -> dict[str, Any]:
    """Return one row."""
    cost = json.loads(run(way, "cost")["said"])
    killed = run(way, "kill")
    hang = "-" if "print()" in way or way == "python" else "hangs" if run(way, "gil")["hung"] else "ok"
    tty = json.loads(run(way, "tty")["said"])
    piped = json.loads(run(way, "tty", terminal=False)["said"])
    helper = run(way, "helper")["said"] if way == "pipe+process" else "-"
    return {
        **cost,
        "lost -9": KILL_LINES - killed["kept"],
        "unshown -9": KILL_LINES - killed["shown"],
        "GIL": hang,
        "tty": f"{tty}, {piped}",
        "helper -9": helper,
    }


def run(way: str, task: str, *, terminal: bool = True) -> dict[str, Any]:
    """Run a trial on a terminal (or a pipe) of its own and tell what came of it."""
    with tempfile.TemporaryDirectory(prefix="runicorn-descriptors-") as name:
        folder = Path(name)
        ours, theirs = pty.openpty() if terminal else os.pipe()
        if terminal:
            settings = termios.tcgetattr(theirs)
            settings[1] &= ~termios.OPOST
            termios.tcsetattr(theirs, termios.TCSANOW, settings)
        to_file = way.partition(",")[0] == "file"
        output = os.open(folder / "record", os.O_WRONLY | os.O_CREAT | os.O_APPEND) if to_file else theirs
        command = [sys.executable, __file__, "--trial", way, task, str(folder)]
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=environ
        )
        os.close(theirs)
        seen: list[bytes] = []
        reader = threading.Thread(target=drain, args=(ours, seen), daemon=True)
        reader.start()
        hung = False
        try:
            process.wait(HANG_SECS if task == "gil" else TRIAL_SECS)
        except subprocess.TimeoutExpired:
            hung = True
            process.kill()
            process.wait()
        reader.join(HANG_SECS)
        record, said = folder / "record", folder / "said"
        log = next(folder.glob("root/runs/*/console.log"), record)
        kept = lines_in(log.read_bytes()) if log.exists() else 0
        shown = lines_in(b"".join(seen)) if output == theirs else kept
        if output != theirs:
            os.close(output)
        return {"kept": kept, "shown": shown, "hung": hung, "said": said.read_text() if said.exists() else "null"}


def lines_in(text: bytes) -> int:
    return len(set(re.findall(rb"(\d{7})\.{72}\r?\n", text)))


def drain(descriptor: int, into: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(descriptor, 65536):
            into.append(data)
    os.close(descriptor)


def trial(way: str, task: str, folder: Path) -> None:
    """Take the descriptors over, then do what is measured."""
    before = os.dup(1)
    SET_UP.get(way, lambda *_: None)(folder, before)
    if task == "cost":
        cpu, start = cpu_secs(), time.perf_counter()
        for number in range(LINES):
            write_line(way, number)
        wall = time.perf_counter() - start
        time.sleep(0.3)  # a thread that copies has not come to the end
        spent = cpu_secs() - cpu
        if _HELPERS:
            os.dup2(before, 1)
            os.dup2(before, 2)
            _HELPERS[0].wait(HANG_SECS)
            spent += sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        say(folder, json.dumps({"write us": wall / LINES * 1e6, "cpu us": spent / LINES * 1e6}))
    elif task == "kill":
        for number in range(KILL_LINES):
            write_line(way, number)
        os.kill(os.getpid(), signal.SIGKILL)
    elif task == "gil":
        ctypes.PyDLL(None).write(1, b"x" * (256 << 10), 256 << 10)
    elif task == "tty":
        say(folder, json.dumps(os.isatty(1)))
    elif task == "helper":
        _HELPERS[0].kill()
        _HELPERS[0].wait()
        try:
            os.write(1, b"x")
            say(folder, "goes on")
        except OSError as error:
            say(folder, type(error).__name__)
    os._exit(0)


def write_line(way: str, number: int) -> None:
    if way == "python" or way.endswith("print()"):
        print((LINE % number).decode(), end="")
    else:
        os.write(1, LINE % number)


def say(folder: Path, text: str) -> None:
    (folder / "said").write_text(text)


def cpu_secs() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def over(descriptor: int) -> None:
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def with_python(folder: Path, _: int) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
    import runicorn as rn

    rn.init(root=folder / "root", system_metrics=False)


def with_pipe_thread(folder: Path, before: int, pair: Any = os.pipe) -> None:
    reading, writing = pair()
    over(writing)
    os.close(writing)
    record = os.open(folder / "record", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def copy() -> None:
        while data := os.read(reading, 65536):
            os.write(record, data)
            os.write(before, data)

    threading.Thread(target=copy, daemon=True).start()


def with_pty_thread(folder: Path, before: int) -> None:
    with_pipe_thread(folder, before, pty.openpty)


def with_file_thread(folder: Path, before: int) -> None:
    over(os.open(folder / "record", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    reading = os.open(folder / "record", os.O_RDONLY)

    def copy() -> None:
        while True:
            while data := os.read(reading, 65536):
                os.write(before, data)
            time.sleep(FOLLOW_EVERY_SECS)

    threading.Thread(target=copy, daemon=True).start()


def with_pipe_process(folder: Path, before: int) -> None:
    helper = subprocess.Popen(["tee", str(folder / "record")], stdin=subprocess.PIPE, stdout=before, stderr=before)
    assert helper.stdin is not None
    over(helper.stdin.fileno())
    helper.stdin.close()
    os.set_inheritable(before, False)
    _HELPERS.append(helper)


SET_UP = {
    "python": with_python,
    "pipe+thread": with_pipe_thread,
    "pty+thread": with_pty_thread,
    "file+thread": with_file_thread,
    "pipe+process": with_pipe_process,
}

if __name__ == "__main__":
    sys.exit(main())
