"""What a person waits for at the table of ten thousand runs, in headless Chromium.

    python benchmarks/table.py [--runs 10000] [--root FOLDER] [--repeats 3]

Each figure is the median of the repeats, from the key or click to the rows on the screen; `first rows` from the address
to the first row, the viewer having read the root before, and beside it, how many times the bare answer of GET /api/runs
that is, asked in the same run. A frame while scrolling: 140 pixels further each; median, and the 95th of a hundred.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.browser import run_chromium, visit
from tests.support.serving import Viewer, run_viewer
from tests.support.sweeps import write_many
from tests.support.tables import filter_box, grid, head_button, shows

COLUMNS = "cols=state,config.lr,config.batch_size,summary.train/loss,min.train/loss,best.val/acc"
FRAMES = """async (box) => {
    const times = [];
    let last = performance.now();
    for (let i = 0; i < 120; i += 1) {
        box.scrollTop += 140;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
    }
    times.sort((a, b) => a - b);
    return [times[60], times[114]];
}"""
END = """count => [...document.querySelectorAll('.row')]
    .some((row) => row.getAttribute('aria-rowindex') === String(count + 1) && row.querySelector('.run-link'))"""
SORTED = """() => document.querySelectorAll('.sort-place').length === 2
    && document.querySelector('.table-scroll').ariaBusy === 'false'"""
FILTERED = "() => document.querySelector('.runs-count').textContent.includes(' of ')"

Figures = dict[str, list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(description="What a person waits for at the table of many runs.")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--root", type=Path, help="one that is there, instead of one that is made")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = args.root or write_many(Path(folder) / "root", args.runs)
        with run_viewer(root, Path(folder) / "home") as viewer, run_chromium() as browser:
            count = _read(viewer)
            figures: Figures = {}
            for _ in range(args.repeats):
                with visit(browser, "about:blank") as visited:
                    _measure(visited.page, viewer, count, figures)
    for name, values in figures.items():
        times = (
            f"{statistics.median(values) / statistics.median(figures['GET /api/runs']):6.1f}x" if "rows" in name else ""
        )
        print(f"{name:<28}{statistics.median(values) * 1000:9.1f} ms {times}")
    return 0


def _read(viewer: Viewer) -> int:
    """Wait until the viewer has read the root; return how many runs it holds."""
    while True:
        answer = viewer.get("/api/runs", limit=1).json()
        if not answer["indexing"]:
            return int(answer["total"])
        time.sleep(0.2)


@contextmanager
def _timed(figures: Figures, name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    figures.setdefault(name, []).append(time.perf_counter() - begun)


def _measure(page: Page, viewer: Viewer, count: int, figures: Figures) -> None:
    def go(params: str, wait: Callable[[], object], name: str) -> None:
        with _timed(figures, name):
            page.goto(f"http://localhost:{viewer.port}/#/runs?{params}")
            wait()

    with _timed(figures, "GET /api/runs"):
        viewer.get("/api/runs", limit=200)
    go(COLUMNS, page.locator(".row .run-link").first.wait_for, "first rows")
    page.get_by_role("radio", name="Only the table").click()
    shows(page, count)
    _scroll(page, figures, "a frame while scrolling")
    with _timed(figures, "to the last run"):
        grid(page).evaluate("box => { box.scrollTop = box.scrollHeight }")
        page.wait_for_function(END, arg=count)
    grid(page).evaluate("box => { box.scrollTop = 0 }")
    with _timed(figures, "filter"):
        filter_box(page).fill("config.lr < 0.05 and name ~ s[13]$")
        filter_box(page).press("Enter")
        page.wait_for_function(FILTERED)
    filter_box(page).fill("")
    filter_box(page).press("Enter")
    shows(page, count)
    with _timed(figures, "sort by two"):
        head_button(page, "min.train/loss").click()
        head_button(page, "config.lr").click(modifiers=["Shift"])
        page.wait_for_function(SORTED)
    grouped = page.locator(".row.group").first
    go(f"{COLUMNS}&group=config.lr,config.batch_size", grouped.wait_for, "group by two")
    with _timed(figures, "unfold all groups"):
        page.keyboard.press("z")
        page.locator(".row:not(.group) .run-link").first.wait_for()
    _scroll(page, figures, "a frame, in groups")


def _scroll(page: Page, figures: Figures, name: str) -> None:
    median, slow = grid(page).evaluate(FRAMES)
    figures.setdefault(name, []).append(median / 1000)
    figures.setdefault(f"{name}, p95", []).append(slow / 1000)


if __name__ == "__main__":
    sys.exit(main())
