"""Where the runs of a server are is found and offered, instead of being known or browsed for."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, Route, expect
from tests.support.browser import connect_by_key, visit
from tests.support.server import Server
from tests.support.serving import Viewer


def log_in(page: Page, server: Server) -> Locator:
    """Connect by a key, accept the server's; return where its folder is typed."""
    connect_by_key(page, server)
    page.get_by_role("dialog").get_by_role("button", name="Accept key").click()
    return page.get_by_role("textbox", name="Folder")


def test_folders_with_runs_are_offered_and_taken_where_the_usual_one_is_not_there(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    (server.runs / "runicorn.json").write_text("{}")
    for number in range(3):
        (server.runs / "runs" / f"20260101-00000{number}-abcdef").mkdir(parents=True)
    logs = server.runs / "logs"
    for name in ("version_0", "version_1"):
        (logs / name).mkdir(parents=True)
        (logs / name / "events.out.tfevents.1700000000.gpu.1.0").touch()
    server.account.give(server.runs)
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        folder = log_in(page, server)
        expect(folder).to_have_value(str(server.runs))  # ~/runicorn_data is not there
        offered = page.get_by_role("group", name="Folders with runs on this server")
        expect(offered.get_by_role("button", name=re.compile("2 runs, TensorBoard"))).to_be_visible()
        offered.get_by_role("button", name=re.compile("logs")).click()
        expect(folder).to_have_value(str(logs))
        expect(offered.get_by_role("button", name=re.compile("3 runs"))).to_be_visible()
        assert visitor.complaints == []


def test_while_a_folder_opens_no_other_one_is_taken(browser: Browser, server: Server, viewer: Viewer) -> None:
    """What is on show is the folder before, whoever is quicker than the link; and a double click opens one folder."""
    inner = server.runs / "inner"
    (inner / "innermost").mkdir(parents=True)
    server.account.give(server.runs)
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        folder = log_in(page, server)
        folder.fill(str(server.runs))
        page.get_by_role("button", name="Browse", exact=True).click()
        dialog = page.get_by_role("dialog")
        entry = dialog.get_by_role("option").filter(has=page.get_by_text("inner", exact=True))
        use = dialog.get_by_role("button", name="Use this folder")
        expect(use).to_be_enabled()
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/api/remote/fs/list*", hold)
        entry.click()
        expect(dialog).to_contain_text("Opening…")
        expect(dialog.get_by_text(str(inner), exact=True)).to_be_visible()
        expect(use).to_be_disabled()
        held.pop().continue_()
        page.unroute("**/api/remote/fs/list*", hold)
        expect(dialog.get_by_role("listbox", name=f"Contents of {inner}")).to_be_visible()
        page.keyboard.press("Backspace")
        expect(entry).to_be_visible()
        box = entry.bounding_box()
        assert box is not None
        at = (box["x"] + 20, box["y"] + 10)
        page.mouse.click(*at)
        expect(dialog.get_by_role("option", name="innermost")).to_be_visible()
        page.mouse.down(click_count=2)  # the second half of a double click
        page.mouse.up(click_count=2)
        use.click()
        expect(folder).to_have_value(str(inner))
        assert visitor.complaints == []
