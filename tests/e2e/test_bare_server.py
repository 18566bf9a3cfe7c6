"""A person opens a server on which nothing of ours is installed, with the mouse, and sees a run grow."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect
from tests.support.axe import complaints
from tests.support.browser import connect_by_key, visit
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually, eventually_nothing


def test_a_server_with_nothing_installed_is_opened_and_its_curve_grows(
    browser: Browser, growing: Server, viewer: Viewer
) -> None:
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        expect(page.get_by_text("pip install")).to_have_count(0)
        connect_by_key(page, growing)
        page.get_by_role("dialog", name=re.compile("host key")).get_by_role("button", name="Accept key").click()
        expect(page.get_by_role("radio", name="Nothing installed")).to_be_checked()
        expect(page.get_by_text("pip install")).to_have_count(0)
        assert complaints(page) == []
        page.get_by_role("textbox", name="Folder", exact=True).fill(str(growing.runs))
        page.get_by_role("button", name="Open its page").click()
        page.wait_for_url(re.compile(r"http://localhost:\d+/"))
        expect(page.get_by_text("on-the-server")).to_be_visible()
        chart = page.locator('[data-metric="train/loss"]').first
        seen = int(eventually(lambda: int(chart.get_attribute("data-points") or 0), what="the points of the curve"))
        eventually(lambda: int(chart.get_attribute("data-points") or 0) > seen + 50, 20, what="more points")
        expect(page.get_by_role("region", name="Remote server")).to_contain_text("agent")
        assert visitor.complaints == []

        page.get_by_role("link", name="Manage").click()
        page.wait_for_url(re.compile(rf":{viewer.port}/"))
        row = page.get_by_role("group", name="Session on 127.0.0.1")
        expect(row).to_contain_text("agent")
        expect(row).to_contain_text("no tunnel")
        assert complaints(page) == []
        row.get_by_role("button", name="Stop", exact=True).click()
        expect(row).to_contain_text("stopped")
        eventually_nothing(growing.traces, 3)

        # The next time, a click on the saved host goes straight there.
        page.get_by_role("button", name="Open", exact=True).first.click()
        expect(page.get_by_text("on-the-server")).to_be_visible()
    (session,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
    assert session["mode"] == "agent"
    assert viewer.post("/api/remote/disconnect", growing.target()).json()["ok"] is True


def test_a_server_that_shows_files_only_is_opened_as_well(browser: Browser, files_only: Server, viewer: Viewer) -> None:
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        connect_by_key(page, files_only)
        page.get_by_role("dialog", name=re.compile("host key")).get_by_role("button", name="Accept key").click()
        expect(page.get_by_role("radio", name="Nothing installed")).to_be_checked()
        page.get_by_role("textbox", name="Folder", exact=True).fill(f"/{files_only.runs.name}")
        page.get_by_role("button", name="Open its page").click()
        page.wait_for_url(re.compile(r"http://localhost:\d+/"))
        expect(page.get_by_text("on-the-server")).to_be_visible()
        expect(page.get_by_role("region", name="Remote server")).to_contain_text("sftp")
        page.get_by_role("link", name="Manage").click()
        page.wait_for_url(re.compile(rf":{viewer.port}/"))
        row = page.get_by_role("group", name="Session on 127.0.0.1")
        expect(row).to_contain_text("sftp")
        row.get_by_role("button", name="Stop", exact=True).click()
        expect(row).to_contain_text("stopped")
        page.get_by_role("button", name="Open", exact=True).first.click()
        expect(page.get_by_text("on-the-server")).to_be_visible()
    (session,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
    assert session["mode"] == "sftp"
    assert viewer.post("/api/remote/disconnect", files_only.target()).json()["ok"] is True
