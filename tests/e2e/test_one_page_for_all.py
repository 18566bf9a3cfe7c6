"""This machine and a host in one page: runs side by side, one chart of both, an unplugged host, and its return."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.drawn_sweeps import write_run
from tests.support.growing_runs import growing_run, recorded
from tests.support.link import run_link
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually

RETURN_SECS = 20
# What was told within less is still drawn.
MOMENT_SECS = 1.0


@pytest.fixture
def on_this_machine(viewer: Viewer, tmp_path: Path) -> Iterator[str]:
    """A run of this machine's root that grows; its name."""
    with growing_run(tmp_path / "local-root", "on-this-machine"):
        yield "on-this-machine"


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name))


def saved_host(server: Server) -> dict[str, object]:
    """Return how a host is saved that was opened before."""
    return {
        "name": "gpu-7",
        "host": "127.0.0.1",
        "port": server.sshd.port,
        "username": server.account.username,
        "authMethod": "key",
        "privateKeyPath": str(server.key),
        "remoteRoot": str(server.runs),
        "mode": "agent",
    }


def write_one_each(server: Server, tmp_path: Path) -> None:
    """Write a run that has ended into this machine's root, "mine", and into the server's, "theirs"."""
    steps = np.arange(10)
    for number, (root, name) in enumerate(((tmp_path / "local-root", "mine"), (server.runs, "theirs"))):
        write_run(root, f"20261120-00000{number}-00000{number}", {"loss": (steps, steps + 1.0)}, {"name": name})
    server.account.give(server.runs)


def test_two_machines_are_compared_and_one_of_them_goes_and_comes_back(
    browser: Browser, growing: Server, viewer: Viewer, on_this_machine: str
) -> None:
    with run_link(growing.sshd.port) as link, visit(browser, f"{viewer.url}/#/runs") as visitor:
        page = visitor.page
        expect(row_of(page, on_this_machine)).to_be_visible()
        expect(page.get_by_role("columnheader", name="Host")).to_have_count(0)
        page.evaluate("window.sameDocument = true")
        body = growing.login(remote_root=str(growing.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)

        # The host's rows come by themselves, and rows say where they live.
        theirs = row_of(page, "on-the-server")
        expect(theirs).to_be_visible()
        expect(page.get_by_role("columnheader", name="Host")).to_be_visible()
        expect(theirs).to_contain_text("127.0.0.1")
        expect(row_of(page, on_this_machine)).not_to_contain_text("127.0.0.1")
        sidebar = page.get_by_role("navigation", name="Projects and hosts")
        place = sidebar.get_by_role("button", name=re.compile("127.0.0.1"))
        assert complaints(page) == []

        # Both in one chart, which grows.
        chart = page.locator('[data-metric="train/loss"]').first
        expect(chart).to_have_attribute("data-lines", "2")

        def points() -> int:
            return int(chart.get_attribute("data-points") or 0)

        seen = eventually(points, what="points")
        eventually(lambda: points() > seen + 40, RETURN_SECS, "more points")

        # Only that host's runs, and all again.
        place.first.click()
        expect(row_of(page, on_this_machine)).to_have_count(0)
        expect(theirs).to_be_visible()
        expect(page).to_have_url(re.compile("host:127.0.0.1"))
        place.first.click()
        expect(row_of(page, on_this_machine)).to_be_visible()

        # Unplugged: its rows stay, grey, with their age; this machine's go on.
        link.down()
        expect(theirs).to_have_class(re.compile(r"\baway\b"), timeout=RETURN_SECS * 1000)
        expect(theirs.get_by_role("link")).to_have_attribute("title", re.compile("127.0.0.1 is away; this is from"))
        expect(row_of(page, on_this_machine)).not_to_have_class(re.compile(r"\baway\b"))
        seen = points()
        eventually(lambda: points() > seen, RETURN_SECS, "points of this machine")
        assert complaints(page) == []

        # Plugged in again: what came in between is there, without a reload.
        link.accept()
        expect(theirs).not_to_have_class(re.compile(r"\baway\b"), timeout=RETURN_SECS * 1000)
        page.goto(f"{viewer.url}/#/runs?q=host:127.0.0.1")
        expect(chart).to_have_attribute("data-lines", "1")
        (metrics,) = growing.runs.glob("runs/*/metrics.bin")
        eventually(lambda: abs(points() - recorded(metrics)) < 30, RETURN_SECS, "all that was recorded")
        assert page.evaluate("window.sameDocument") is True

        # Its run's own page, from here.
        theirs.get_by_role("link").click()
        expect(page.get_by_role("heading", name="on-the-server")).to_be_visible()
        page.get_by_role("tab", name=re.compile("Overview")).click()
        expect(page.get_by_text("Read on")).to_be_visible()
        assert stop(viewer, session).json()["ok"] is True
        page.goto(f"{viewer.url}/#/runs")
        expect(row_of(page, on_this_machine)).to_be_visible()
        expect(theirs).to_have_count(0)
        assert [each for each in visitor.complaints if "Failed to load resource" not in each] == []


def test_a_saved_host_is_connected_by_one_click_and_its_runs_come(
    browser: Browser, growing: Server, viewer: Viewer, on_this_machine: str
) -> None:
    accept(viewer, connect(viewer, growing.login()))
    assert viewer.post("/api/remote/connections/saved", [saved_host(growing)]).json()["ok"] is True
    with visit(browser, f"{viewer.url}/#/runs?sort=name&order=asc") as visitor:
        page = visitor.page
        page.evaluate("window.sameDocument = true")
        host = page.get_by_role("navigation", name="Projects and hosts").get_by_role("button", name=re.compile("gpu-7"))
        expect(host).to_have_accessible_description(re.compile("Connect .*: its runs come among these"))
        host.click()
        expect(row_of(page, "on-the-server")).to_contain_text("gpu-7")
        expect(row_of(page, on_this_machine)).to_be_visible()
        expect(page).to_have_url(re.compile(r"#/runs\?sort=name&order=asc$"))
        expect(host.first).to_contain_text("1")
        assert page.evaluate("window.sameDocument") is True
        # Its own page is one click further.
        page.get_by_role("button", name="Open the page of gpu-7").click()
        page.wait_for_url(re.compile(r"http://localhost:\d+/"))
        expect(page.get_by_role("region", name="Remote server")).to_contain_text("agent")
    (session,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
    assert stop(viewer, session).json()["ok"] is True


def test_a_host_that_needs_a_person_on_the_way_leads_there_and_back(
    browser: Browser, growing: Server, viewer: Viewer, on_this_machine: str
) -> None:
    assert viewer.post("/api/remote/connections/saved", [saved_host(growing)]).json()["ok"] is True
    with visit(browser, f"{viewer.url}/#/runs") as visitor:
        page = visitor.page
        page.get_by_role("navigation", name="Projects and hosts").get_by_role(
            "button", name=re.compile("gpu-7")
        ).click()
        page.get_by_role("dialog", name=re.compile("host key")).get_by_role("button", name="Accept key").click()
        expect(row_of(page, "on-the-server")).to_be_visible()
        expect(row_of(page, on_this_machine)).to_be_visible()
        expect(page).to_have_url(re.compile(r"#/runs$"))
    (session,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
    assert stop(viewer, session).json()["ok"] is True


def test_a_host_that_falls_silent_is_grey_within_seconds_in_groups_too_and_its_group_goes_with_it(
    browser: Browser, bare: Server, viewer: Viewer, tmp_path: Path
) -> None:
    write_one_each(bare, tmp_path)
    with run_link(bare.sshd.port) as link, visit(browser, f"{viewer.url}/#/runs") as visitor:
        page = visitor.page
        body = bare.login(remote_root=str(bare.runs), mode="sftp") | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        theirs, mine = row_of(page, "theirs"), row_of(page, "mine")
        for is_grouped in (False, True):
            if is_grouped:
                page.goto(f"{viewer.url}/#/runs?group=host")
                page.get_by_role("button", name="Unfold host 127.0.0.1").click()
            expect(theirs).not_to_have_class(re.compile(r"\baway\b"), timeout=RETURN_SECS * 1000)
            link.stall()  # no connection ends, and no run changes
            expect(theirs).to_have_class(re.compile(r"\baway\b"), timeout=10_000)
            title = re.compile(r"127.0.0.1 (has not answered yet|is away); this is from")
            expect(theirs.get_by_role("link")).to_have_attribute("title", title)
            link.resume()
            expect(theirs).not_to_have_class(re.compile(r"\baway\b"), timeout=RETURN_SECS * 1000)
        group = page.get_by_role("button", name="Fold host 127.0.0.1")
        expect(group).to_be_visible()
        assert stop(viewer, session).json()["ok"] is True
        expect(group).to_have_count(0)
        page.get_by_role("button", name=re.compile("^Unfold")).click()
        expect(mine).to_be_visible()


def test_a_baseline_on_a_host_is_there_as_long_as_the_host_is(
    browser: Browser, bare: Server, viewer: Viewer, tmp_path: Path
) -> None:
    write_one_each(bare, tmp_path)
    with visit(browser, f"{viewer.url}/#/runs") as visitor:
        page = visitor.page
        body = bare.login(remote_root=str(bare.runs))
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        address = row_of(page, "theirs").get_by_role("link").get_attribute("href")
        assert address is not None
        page.goto(f"{viewer.url}/#/runs?base={address.split('/')[2]}")
        baseline = page.locator("#baseline")
        expect(baseline).to_contain_text("theirs")
        assert stop(viewer, session).json()["ok"] is True
        expect(baseline).to_have_count(0)
        session = start(viewer, body)
        expect(baseline).to_contain_text("theirs", timeout=RETURN_SECS * 1000)
        stop(viewer, session)


def test_a_band_says_which_runs_it_is_without(browser: Browser, bare: Server, viewer: Viewer, tmp_path: Path) -> None:
    steps = np.arange(10)
    for number, root in enumerate((tmp_path / "local-root", bare.runs, bare.runs)):
        info = {"name": f"seed-{number}", "config": {"lr": 0.1}}
        write_run(root, f"20261120-00000{number}-00000{number}", {"loss": (steps, steps + 1.0 + number)}, info)
    bare.account.give(bare.runs)
    with run_link(bare.sshd.port) as link, visit(browser, "about:blank") as visitor:
        page = visitor.page
        body = bare.login(remote_root=str(bare.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        page.goto(f"{viewer.url}/#/runs?group=config.lr")
        chart = page.locator('[data-metric="loss"]').first
        mean = chart.locator(".chart-value")  # of the last step
        unread = chart.get_by_text("2 runs unread")
        expect(mean).to_have_text("11")
        expect(unread).to_have_count(0)
        question = {
            "runs": [run["id"] for run in viewer.get("/api/runs").json()["runs"]],
            "charts": [{"metric": "loss", "runs": [0, 1, 2]}],
            "points": 100,
        }

        def is_silent() -> bool:
            return viewer.post("/api/lines", question).content.count(b"cannot be read right now") == 2

        link.down()
        page.goto("about:blank")
        eventually(is_silent, 2 * RETURN_SECS)
        time.sleep(MOMENT_SECS)
        page.goto(f"{viewer.url}/#/runs?group=config.lr")
        left_out = page.get_by_text("2 of 3 runs cannot be read right now, and are not drawn until then")
        expect(left_out).to_be_visible(timeout=RETURN_SECS * 1000)
        expect(mean).to_have_text("10")
        assert complaints(page) == []
        link.accept()
        expect(mean).to_have_text("11", timeout=2 * RETURN_SECS * 1000)
        expect(left_out).to_have_count(0)
        # One that is known already is missed in the chart itself.
        link.down()
        eventually(is_silent, 2 * RETURN_SECS)
        time.sleep(MOMENT_SECS)
        page.get_by_role("radio", name="Relative").click()
        expect(unread).to_be_visible(timeout=RETURN_SECS * 1000)
        expect(mean).to_have_text("10")
        link.accept()
        expect(unread).to_have_count(0, timeout=2 * RETURN_SECS * 1000)
        expect(mean).to_have_text("11")
        stop(viewer, session)
