"""Three minutes on a train: the network breaks every few seconds, and the page ends with every point exactly once."""

from __future__ import annotations

import random
import re
import time

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser import visit
from tests.support.link import Link, run_link
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually

STEPS = 9000
PAUSE_SECS = 0.02  # 50 points a second, for three minutes
RETURN_SECS = 15


def break_network(link: Link, dice: random.Random) -> str:
    """Break it in one of the ways that networks break, and mend it again."""
    fault = dice.choice(["reset", "stall", "half-close", "down"])
    if fault == "reset":
        link.cut()
    elif fault == "half-close":
        link.half_close()
    elif fault == "stall":
        link.stall()
        time.sleep(dice.uniform(1, 4))
        link.resume()
    else:
        link.down()
        time.sleep(dice.uniform(1, 4))
        link.accept()
    return fault


@pytest.mark.survival
@pytest.mark.timeout(400)
def test_three_bad_minutes_lose_no_point_and_need_no_reload(browser: Browser, server: Server, viewer: Viewer) -> None:
    dice = random.Random(4)
    with run_link(server.sshd.port) as link:
        body = server.login(remote_root=str(server.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        script = server.train(STEPS, PAUSE_SECS)
        with visit(browser, session["url"]) as visitor:
            page = visitor.page
            chart = page.locator('[data-metric="train/loss"]').first
            expect(chart).to_be_visible()
            page.evaluate("window.sameDocument = true")

            def points() -> int:
                return int(chart.get_attribute("data-points") or 0)

            faults = []
            while script.poll() is None:
                time.sleep(dice.uniform(5, 10))  # the network holds for a while
                if script.poll() is None:
                    seen = points()
                    faults.append(break_network(link, dice))
                    eventually(lambda seen=seen: points() > seen, RETURN_SECS, f"a point after {faults}")
            eventually(lambda: points() == STEPS, RETURN_SECS, "all points, none twice")
            assert len(faults) >= 10
            assert set(faults) == {"reset", "stall", "half-close", "down"}
            assert page.evaluate("window.sameDocument") is True
            expect(page.get_by_role("region", name="Remote server")).not_to_have_class(re.compile("stale"))
            # What the browser itself says about requests that failed is no word of the page's.
            assert [each for each in visitor.complaints if "Failed to load resource" not in each] == []
        (metrics,) = server.runs.glob("runs/*/metrics.bin")
        assert metrics.stat().st_size == 2 * STEPS * 32
        now = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
        assert (now["status"], now["localPort"], now["remotePid"]) == (
            "running",
            session["localPort"],
            session["remotePid"],
        )
        assert now["reconnects"] >= 5
        assert stop(viewer, session).json()["ok"] is True
