"""A host whose clock is not as this machine's is: it is said where times of its runs are shown."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from tests.support.accounts import Account
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.clocks import own_clock
from tests.support.drawn_sweeps import write_run
from tests.support.remote import accept, connect, start, stop
from tests.support.server import run_server
from tests.support.serving import run_viewer
from tests.support.waiting import eventually

RUN = "20261120-000000-00c10c"
TEXT = "2 h ahead of this machine's"


@pytest.mark.timeout(120)
def test_a_clock_that_is_wrong_is_told_where_it_matters(
    browser: Browser, bare_account: Account, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with (
        own_clock(bare_account) as clock,
        run_server(bare_account, tmp_path, options={"SetEnv": clock.environ}) as server,
        run_viewer(tmp_path / "local", home) as viewer,
    ):
        clock.set_ahead(7200)
        write_run(server.runs, RUN, {"loss": (np.arange(5), np.ones(5))}, {"name": "on-gpu-7"})
        server.account.give(server.runs)
        accept(viewer, connect(viewer, server.login()))
        assert viewer.post("/api/remote/connections/saved", [server.target(name="gpu-7")]).json()["ok"]
        session = start(viewer, server.login(remote_root=str(server.runs), mode="agent"))
        with visit(browser, f"{viewer.url}/#/runs") as visitor:
            page = visitor.page
            host = page.get_by_role("button", name=re.compile("viewer running gpu-7"))
            expect(host).to_contain_text(f"its clock is {TEXT}")
            page.get_by_role("link", name="on-gpu-7").click()
            note = page.get_by_text(f"gpu-7's clock is {TEXT}")
            page.get_by_role("radio", name="Relative").click()
            expect(note).to_have_count(0)
            page.get_by_role("radio", name="Time").click()
            expect(note).to_be_visible()
            assert complaints(page) == []
            page.get_by_role("tab", name="Overview").click()
            expect(page.get_by_role("row", name="Clock")).to_contain_text(f"gpu-7's, {TEXT}")
            clock.set_ahead(0)
            eventually(lambda: abs(viewer.get("/api/runs").json()["sources"][1]["clock_ahead_secs"]) < 5, 20)
            page.goto(f"{viewer.url}/#/runs")
            expect(host).not_to_contain_text("clock", timeout=15_000)
        stop(viewer, session)
