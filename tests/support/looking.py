"""A page in a real browser that looks at the runs of one storage root, and what can be asked of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser import Visit, visit
from tests.support.serving import Viewer, run_viewer

_HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""

Look = Callable[..., Page]


@contextlib.contextmanager
def looking(browser: Browser, root: Path) -> Iterator[tuple[Viewer, Look]]:
    """Serve `root`, and give what opens a place of its page, such as `#/runs`, in a browser of its own.

    On leaving, no page may have complained of anything.
    """
    visitors: list[Visit] = []
    with contextlib.ExitStack() as stack:
        viewer = stack.enter_context(run_viewer(root, root.parent / "home"))

        def look(place: str, **options: object) -> Page:
            url = f"http://localhost:{viewer.port}/{place}"
            visitors.append(stack.enter_context(visit(browser, url, **options)))  # type: ignore[arg-type]
            return visitors[-1].page

        yield viewer, look
        assert [text for visitor in visitors for text in visitor.complaints] == []


def hide_tab(page: Page, hidden: bool) -> None:
    """Make the page believe that its tab was hidden, or is on show again."""
    page.evaluate(_HIDE, hidden)


def heap_mb(page: Page) -> float:
    """Return V8's heap in use after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    return used


def points_of(page: Page, metric: str) -> Locator:
    """Return the chart of a metric; its attribute data-points is how many points it holds."""
    return page.locator(f'[data-metric="{metric}"]')


def await_drawn(chart: Locator, points: int) -> None:
    """Wait until a chart has drawn all its points; lines come in pieces, and are drawn as they come."""
    expect(chart).to_have_attribute("data-points", str(points))
    expect(chart.locator(".chart-frame")).to_have_attribute("data-painted", re.compile(r"\d"))


def is_beside(panel: Locator, button: Locator) -> bool:
    """Tell whether an open panel stands right below or above its button."""
    box, at = panel.bounding_box(), button.bounding_box()
    assert box
    assert at
    gaps = (abs(box["y"] - at["y"] - at["height"]), abs(at["y"] - box["y"] - box["height"]))
    return min(gaps) < 6 and box["x"] <= at["x"] + at["width"] and at["x"] <= box["x"] + box["width"]
