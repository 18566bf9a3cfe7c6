"""*Cancel* in the page ends the attempt on show, and no session and no attempt of another window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import visit
from tests.support.link import Link, run_link
from tests.support.remote import login_by, start, stop, viewer_that_knows
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually


@pytest.fixture
def link(server: Server) -> Iterator[Link]:
    with run_link(server.sshd.port) as link:
        yield link


@pytest.fixture
def known(server: Server, link: Link, tmp_path: Path) -> Iterator[Viewer]:
    with viewer_that_knows(server, link, tmp_path) as viewer:
        yield viewer


def begin(page: Page, server: Server, link: Link) -> None:
    """Type the server with its key file, press Connect, and see that it is under way."""
    page.get_by_role("combobox", name="Server").fill(f"{server.account.username}@127.0.0.1:{link.port}")
    if not page.get_by_role("radio", name="Key file").is_visible():
        page.get_by_role("button", name="Login").click()
    page.get_by_role("radio", name="Key file").check()
    page.get_by_role("textbox", name="Key file").fill(str(server.key))
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(flow(page).get_by_role("button", name="Cancel")).to_be_visible()


def flow(page: Page):  # type: ignore[no-untyped-def]
    return page.get_by_role("region", name=re.compile("^Opening "))


def test_cancel_leaves_a_session_that_is_reconnecting_to_the_same_host(
    browser: Browser, server: Server, known: Viewer, link: Link
) -> None:
    session = start(known, login_by(server, link))
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    link.down()
    eventually(lambda: known.get(status).json()["status"] == "reconnecting", 20)
    link.stall()
    link.accept()
    with visit(browser, f"{known.url}/#/remote") as visitor:
        page = visitor.page
        begin(page, server, link)
        flow(page).get_by_role("button", name="Cancel").click()
        expect(flow(page).get_by_text("Cancelled")).to_be_visible()
        page.wait_for_timeout(500)
        assert known.get(status).json()["status"] == "reconnecting"
        link.resume()
        eventually(lambda: known.get(status).json()["status"] == "running", 40)
        assert known.get(status).json()["remotePid"] == session["remotePid"]
        # The attempt that was cancelled can be begun again.
        flow(page).get_by_role("button", name=re.compile("again", re.IGNORECASE)).click()
        expect(page.get_by_role("button", name="Open its page")).to_be_visible()
        assert visitor.complaints == []
    stop(known, session)


def test_cancel_in_one_window_leaves_the_attempt_of_another(
    browser: Browser, server: Server, known: Viewer, link: Link
) -> None:
    link.stall()
    with ExitStack() as stack:
        one, other = (stack.enter_context(visit(browser, f"{known.url}/#/remote")).page for _ in range(2))
        begin(one, server, link)
        begin(other, server, link)
        flow(one).get_by_role("button", name="Cancel").click()
        expect(flow(one).get_by_text("Cancelled")).to_be_visible()
        link.resume()
        expect(other.get_by_role("button", name="Open its page")).to_be_visible()
        expect(flow(one).get_by_text("Cancelled")).to_be_visible()
        # The one that is left made the connection; closing its panel lets go of it.
        flow(other).get_by_role("button", name="Close").click()
        eventually(lambda: not known.get("/api/remote/sessions").json()["sessions"], what="no connection")


def test_a_session_that_waits_for_a_login_says_so_and_is_let_in_from_the_page(
    browser: Browser, server: Server, known: Viewer, link: Link
) -> None:
    session = start(known, login_by(server, link))
    keys = server.sshd.folder / "keys" / server.account.username
    accepted = keys.read_text()
    keys.write_text("")
    link.cut()
    with visit(browser, f"{known.url}/#/remote") as visitor:
        page = visitor.page
        row = page.get_by_role("group", name=re.compile("^Session on "))
        expect(row.get_by_text("waits for you to log in")).to_be_visible(timeout=20_000)
        expect(row.get_by_text("AUTH_FAILED")).to_be_visible()
        expect(row.get_by_role("button", name="Log in")).to_be_visible()
        assert httpx.get(f"{session['url']}/api/health").json()["code"] == "LINK_DOWN"
        keys.write_text(accepted)
        row.get_by_role("button", name="Try again").click()
        expect(row.get_by_text("waits for you to log in")).to_be_hidden(timeout=20_000)
        expect(row).to_be_focused()
        eventually(lambda: httpx.get(f"{session['url']}/api/health").status_code == 200, 20)
        assert visitor.complaints == []
    stop(known, session)
