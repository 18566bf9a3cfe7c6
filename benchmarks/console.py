"""What a run that prints a lot costs the browser that looks on, and how soon its newest line is there.

    python benchmarks/console.py [--megabytes 60] [--repeats 3] [--check]

A real Chromium shows the console of a run (Playwright, no window); every figure is the median of the repeats.

    idle       heap of the page before anything is printed, MB
    live       heap after all of it was printed while the page looked on, MB
    hidden     heap after all of it was printed while the tab was hidden and the tab came back, MB
    back       from the tab's coming back until the newest line is on show, seconds

The heap is V8's after a collection. --check exits with 1 above 60 MB live or hidden, or 2 s.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Browser, expect
from tests.support.browser import run_chromium, visit
from tests.support.looking import heap_mb, hide_tab
from tests.support.serving import run_viewer

import runicorn as rn

WAIT_MS = 180_000
MAX_HEAP_MB, MAX_BACK_SECS = 60.0, 2.0
PIECE_BYTES = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description="What a run that prints costs the browser.")
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()
    rows = []
    with run_chromium() as browser:
        for _ in range(args.repeats):
            live = measure(browser, args.megabytes, hidden=False)
            rows.append({**live, **measure(browser, args.megabytes, hidden=True)})
    medians = {name: statistics.median(row[name] for row in rows) for name in ("idle", "live", "hidden", "back")}
    print(f"{args.megabytes} MB of console, median of {args.repeats}")
    for name, value in medians.items():
        print(f"  {name:<8}{value:8.1f} {'s' if name == 'back' else 'MB'}")
    good = max(medians["live"], medians["hidden"]) <= MAX_HEAP_MB and medians["back"] <= MAX_BACK_SECS
    return 1 if args.check and not good else 0


def measure(browser: Browser, megabytes: int, *, hidden: bool) -> dict[str, float]:
    """Return the figures of one page that looks on, or whose tab is hidden meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        root = home / "root"
        with rn.init("bench", root=root, console=False, system_metrics=False) as run, run_viewer(root, home) as viewer:
            console = run.dir / "console.log"
            console.write_text("first line\n")
            with visit(browser, f"http://localhost:{viewer.port}/#/runs/{run.id}/console") as visitor:
                page = visitor.page
                expect(page.get_by_role("log")).to_contain_text("first line")
                idle = heap_mb(page)
                if hidden:
                    hide_tab(page, True)
                write(console, megabytes, pause_secs=0.0 if hidden else 0.2)
                started = time.monotonic()
                if hidden:
                    hide_tab(page, False)
                expect(page.get_by_role("log")).to_contain_text("the last line", timeout=WAIT_MS)
                back = time.monotonic() - started
                page.wait_for_timeout(1000)
                used = heap_mb(page)
    return {"hidden": used, "back": back} if hidden else {"idle": idle, "live": used}


def write(path: Path, megabytes: int, pause_secs: float) -> None:
    """Print lines as a training script does, a megabyte at a time."""
    number = 0
    with path.open("a") as file:
        for _ in range(megabytes):
            size = 0
            while size < PIECE_BYTES:
                number += 1
                size += file.write(
                    f"epoch {number // 1000:4d} step {number:8d} loss 0.{number % 10_000:04d} lr 1.0e-4\n"
                )
            file.flush()
            time.sleep(pause_secs)
        file.write("the last line\n")


if __name__ == "__main__":
    sys.exit(main())
