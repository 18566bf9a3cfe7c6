"""A person who wants to know what a session did: its log in the page, live, and one text to give to others."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser import choose_installed, connect_by_key, visit
from tests.support.link import run_link
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually

SLOW_MS = 20_000  # attempts to reconnect become rarer


def open_log(page: Page) -> Locator:
    """Unfold the log of the only session."""
    page.get_by_role("group", name="Session on").get_by_role("button", name="Log").click()
    return page.get_by_role("log")


def scroll_top(log: Locator) -> float:
    return float(log.evaluate("box => box.scrollTop"))


def is_at_end(log: Locator) -> bool:
    return bool(log.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight < 5"))


def test_the_log_of_a_session_unfolds_and_follows_its_end_unless_the_person_scrolled_up(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    with run_link(server.sshd.port) as link:
        body = server.login(remote_root=str(server.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            log = open_log(page)
            expect(log).to_contain_text("login done in")
            expect(log).to_contain_text("the session is running")
            moment = log.locator("time").last
            expect(moment).to_have_text(re.compile(r"^\d+\.\d{3} s$"))
            expect(moment).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"))

            link.down()
            expect(log).to_contain_text("the link to the server is lost")
            expect(log).to_contain_text("attempt 3 follows", timeout=SLOW_MS)
            expect(log.locator(".failed").first).to_be_visible()
            assert is_at_end(log)
            assert scroll_top(log) > 0

            log.evaluate("box => { box.scrollTop = 8; }")
            to_end = page.get_by_role("button", name="To the end")
            expect(to_end).to_be_visible()
            link.accept()
            expect(log).to_contain_text("the session is running again", timeout=SLOW_MS)
            assert scroll_top(log) == 8
            to_end.click()
            expect(to_end).to_have_count(0)
            eventually(lambda: is_at_end(log))
            assert visitor.complaints == []
        stop(viewer, session)


def test_copy_diagnostics_puts_the_viewers_own_text_on_the_clipboard(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    accept(viewer, connect(viewer, server.login()))
    session = start(viewer, server.login(remote_root=str(server.runs)))
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        open_log(page)
        page.get_by_role("button", name="Copy diagnostics").click()
        expect(page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
        copied = page.evaluate("navigator.clipboard.readText()")
        assert visitor.complaints == []
    told = viewer.get(f"/api/remote/viewer/diagnostics/{session['sessionId']}")
    assert told.headers["Content-Type"] == "text/plain; charset=utf-8"
    without_its_time = [text.split("\n", 1)[1] for text in (copied, told.text)]
    assert without_its_time[0] == without_its_time[1]
    for word in ("runicorn ", "platform ", "Python ", "ssh ", session["connectionId"], "openssh", "state  ", "running"):
        assert word in copied, word
    assert str(server.account.home) not in copied
    assert "~/venvs/ml/bin/python" in copied


def test_a_failed_start_shows_its_stage_in_red_and_its_log(browser: Browser, server: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, server.login()))
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        connect_by_key(page, server)
        choose_installed(page)
        page.get_by_role("textbox", name="Folder").fill("/no/such/folder")
        page.get_by_role("button", name="Start viewer").click()
        panel = page.get_by_role("region", name=re.compile("^Opening "))
        expect(panel.locator('[data-stage="start"]')).to_have_attribute("data-state", "failed")
        expect(panel.get_by_role("log")).to_contain_text("REMOTE_ROOT_MISSING: The folder /no/such/folder")
        expect(panel.get_by_role("button", name="Copy diagnostics")).to_be_visible()

        # Once the attempt is put away, the session's own row has it; and so has a page that comes later.
        panel.get_by_role("button", name="Close").click()
        row = page.get_by_role("group", name="Session on")
        expect(row.get_by_role("log")).to_contain_text("REMOTE_ROOT_MISSING")
        page.reload()
        expect(row.get_by_role("log")).to_contain_text("REMOTE_ROOT_MISSING")
        row.get_by_role("button", name="Log").click()
        expect(row.get_by_role("log")).to_have_count(0)
