"""Where the runs of a server are is found and offered, instead of being known or browsed for."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect
from tests.support.browser import connect_by_key, visit
from tests.support.server import Server
from tests.support.serving import Viewer


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
        connect_by_key(page, server)
        page.get_by_role("dialog").get_by_role("button", name="Accept key").click()
        folder = page.get_by_role("textbox", name="Folder")
        expect(folder).to_have_value(str(server.runs))  # ~/runicorn_data is not there
        offered = page.get_by_role("group", name="Folders with runs on this server")
        expect(offered.get_by_role("button", name=re.compile("2 runs, TensorBoard"))).to_be_visible()
        offered.get_by_role("button", name=re.compile("logs")).click()
        expect(folder).to_have_value(str(logs))
        expect(offered.get_by_role("button", name=re.compile("3 runs"))).to_be_visible()
        assert visitor.complaints == []
