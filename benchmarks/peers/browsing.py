"""What is done to a page in a browser, and how long its frames take meanwhile."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, Page

_FRAMES = """() => {
    const times = [];
    let on = true;
    const next = (now) => { times.push(now); if (on) requestAnimationFrame(next); };
    requestAnimationFrame(next);
    window.endFrames = () => {
        on = false;
        const gaps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
        return gaps[Math.floor(gaps.length * 0.95)] ?? 0;
    };
}"""


class Traffic:
    """What a page has asked for since it was made, and how many bytes have come of it, as they were sent."""

    def __init__(self, page: Page) -> None:
        self.requests = self.bytes = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.dataReceived", self._came)

    def _asked(self, _event: object) -> None:
        self.requests += 1

    def _came(self, event: dict[str, int]) -> None:
        self.bytes += event["encodedDataLength"]


def begin_frames(page: Page) -> None:
    page.evaluate(_FRAMES)


def end_frames(page: Page) -> float:
    """Return the 95th percentile of the frames since begin_frames(), ms."""
    return float(page.evaluate("endFrames()"))


def hover(page: Page, chart: Locator) -> float:
    """Move the pointer across a chart; return the 95th percentile of the frames, ms."""
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    begin_frames(page)
    for step in range(120):
        across = step / 120
        page.mouse.move(box["x"] + across * box["width"], box["y"] + box["height"] * (0.3 + 0.3 * across))
    return end_frames(page)


def scroll(page: Page, over: Locator, turns: int, pixels: int) -> float:
    """Turn the wheel over something; return the 95th percentile of the frames, ms."""
    over.hover()
    begin_frames(page)
    for _ in range(turns):
        page.mouse.wheel(0, pixels)
        page.wait_for_timeout(16)
    return end_frames(page)


def heap_mb(page: Page) -> float:
    """Return what of the page's heap is in use after a collection, MB."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def since(began: float) -> float:
    """Return the ms since a time.perf_counter()."""
    return (time.perf_counter() - began) * 1000
