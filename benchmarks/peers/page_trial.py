"""The page of each viewer in one browser: what a person waits for here and with TensorBoard and trackio."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as BrowserError

from peers.browsing import Traffic, heap_mb, hover, scroll, since
from peers.environments import python_of
from peers.pages import PAGES, PeerPage
from peers.samples import LINE_RUNS
from peers.serving import SAMPLE_TIMEOUT_SECS, loaded, memory_mb, sample
from peers.viewers import VIEWERS

LIST_RUNS, METRICS = 1000, 500
TIMEOUT_MS = 120_000
NEVER = float("inf")
# Answers when nothing has held the page up for a while, with how long that is, ms.
CALM = """() => new Promise((done) => {
    let last = performance.now(), since = last;
    const look = () => {
        const now = performance.now();
        if (now - last > 60) since = now;
        last = now;
        if (now - since > 500) done(now - since);
        else setTimeout(look, 10);
    };
    look();
})"""

Row = dict[str, float]


def compare_pages(browser: Browser, folder: Path, peers: list[str], points: int, repeats: int) -> dict[str, Row]:
    """Return the figures of each viewer's page, medians of the repeats. points: of each of a hundred lines."""
    pythons = {name: python for name in peers if (python := python_of(name, VIEWERS[name].packages)) is not None}
    for name, python in pythons.items():
        print(f"writing the samples of {name}", file=sys.stderr, flush=True)
        for kind, count in (("runs", LIST_RUNS), ("lines", points), ("metrics", METRICS)):
            sample(name, python, kind, folder / name / kind, count).wait(SAMPLE_TIMEOUT_SECS)
    found: dict[str, list[Row]] = {name: [] for name in pythons}
    for repeat in range(repeats):
        for name, python in pythons.items():
            print(f"repeat {repeat + 1} of {repeats}: {name}", file=sys.stderr, flush=True)
            found[name].append(_measure(name, python, folder / name, browser, points))
    return {
        name: {column: statistics.median(row[column] for row in rows) for column in rows[0]}
        for name, rows in found.items()
    }


def _measure(name: str, python: Path, folder: Path, browser: Browser, points: int) -> Row:
    viewer, there, row = VIEWERS[name], PAGES[name], Row()
    with loaded(viewer, python, folder / "runs") as (client, _), _visit(browser, there) as visit:
        _until(lambda: viewer.run_names(client) == LIST_RUNS)
        url = f"http://127.0.0.1:{client.port}/"
        with _or_never(row, "1,000 runs: first rows ms", "1,000 runs: until it is calm ms"):
            began = time.perf_counter()
            there.open_list(visit.page, url, folder / "runs")
            there.rows(visit.page).first.wait_for()
            row["1,000 runs: first rows ms"] = since(began)
            row["1,000 runs: until it is calm ms"] = visit.calm(began)
        with _or_never(row, "1,000 runs: filter by a name ms"):
            there.search(visit.page).click()
            began = time.perf_counter()
            visit.page.keyboard.type("run-00777")
            _until(lambda: there.rows(visit.page).count() == 1)
            row["1,000 runs: filter by a name ms"] = since(began)
    with loaded(viewer, python, folder / "lines") as (client, process), _visit(browser, there) as visit:
        _until(lambda: viewer.run_names(client) == LINE_RUNS)
        url = f"http://127.0.0.1:{client.port}/"
        for what in ("first", "again"):
            with _or_never(row, f"100 lines: {what} ms"):
                row[f"100 lines: {what} ms"] = visit.until_drawn(url, folder / "lines")
        with _or_never(row, "100 lines: hover frame p95 ms"):
            row["100 lines: hover frame p95 ms"] = hover(visit.page, there.charts(visit.page).first)
        row["100 lines: page's heap MB"] = heap_mb(visit.page)
        row["100 lines: all that was sent MB"] = visit.traffic.bytes / 1e6
        row["100 lines: viewer's memory MB"] = memory_mb(process)
    with loaded(viewer, python, folder / "metrics") as (client, _), _visit(browser, there) as visit:
        _until(lambda: viewer.run_names(client) == 1)
        with _or_never(row, "500 metrics: first chart ms", "500 metrics: scroll frame p95 ms"):
            began = time.perf_counter()
            there.open_charts(visit.page, f"http://127.0.0.1:{client.port}/", folder / "metrics")
            there.charts(visit.page).first.wait_for()
            row["500 metrics: first chart ms"] = since(began)
            row["500 metrics: scroll frame p95 ms"] = scroll(visit.page, there.charts(visit.page).first, 120, 300)
    return row


class _Visit:
    """A page, what it has asked for and is still waiting for, and how much came of it."""

    def __init__(self, page: Page, there: PeerPage) -> None:
        self.page = page
        self._there = there
        self._waiting: set[object] = set()
        self.traffic = Traffic(page)
        page.set_default_timeout(TIMEOUT_MS)
        page.on("request", lambda request: self._waiting.add(request) if there.answers in request.url else None)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def _ended(self, request: object) -> None:
        self._waiting.discard(request)

    def until_drawn(self, url: str, folder: Path) -> float:
        """Open the charts; return the ms until their lines have come and the page is calm."""
        self.page.goto("about:blank")
        self.traffic.bytes = 0
        began = time.perf_counter()
        with self.page.expect_response(lambda answer: self._there.answers in answer.url):
            self._there.open_charts(self.page, url, folder)
        self._there.charts(self.page).first.wait_for()
        return self.calm(began)

    def calm(self, began: float) -> float:
        """Return the ms from `began` until nothing held the page up any more."""
        while True:
            calm_ms = self.page.evaluate(CALM)
            if not self._waiting:
                return since(began) - float(calm_ms)
            if since(began) > TIMEOUT_MS:
                return NEVER


@contextmanager
def _visit(browser: Browser, there: PeerPage) -> Iterator[_Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        yield _Visit(context.new_page(), there)
    finally:
        context.close()


@contextmanager
def _or_never(row: Row, *columns: str) -> Iterator[None]:
    """Let what does not come within the limit be infinite."""
    try:
        yield
    except BrowserError as error:
        print(f"  {columns[0]}: {str(error).splitlines()[0]}", file=sys.stderr)
    for column in columns:
        row.setdefault(column, NEVER)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_MS / 1000
    while not holds():
        if time.monotonic() > end:
            raise BrowserError("it never held")
        time.sleep(0.02)
