"""What carries a connection is said in the page: quietly where it is the person's own ssh, else in the details."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.axe import complaints
from tests.support.browser import choose_installed, connect_by_key, visit
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer


@pytest.fixture
def by_ssh(server: Server, tmp_path: Path) -> Iterator[Viewer]:
    """A viewer that connects by ssh only; made after the server, so that it ends before it."""
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_CONNECTOR": "ssh"}) as viewer:
        yield viewer


def connect(page: Page, server: Server) -> None:
    """Connect as a new visitor does, up to where environment and folder are chosen."""
    connect_by_key(page, server)
    page.get_by_role("dialog", name=re.compile("host key")).get_by_role("button", name="Accept key").click()
    choose_installed(page)
    expect(page.get_by_role("button", name="Start viewer")).to_be_visible()


def open_page(page: Page, server: Server) -> None:
    page.get_by_role("textbox", name="Folder", exact=True).fill(str(server.runs))
    page.get_by_role("button", name="Start viewer").click()
    page.wait_for_url(re.compile(r"http://localhost:\d+/"))


def test_a_connection_by_ones_own_ssh_is_told_on_the_way_there_and_in_its_session(
    browser: Browser, server: Server, by_ssh: Viewer
) -> None:
    with visit(browser, f"{by_ssh.url}/#/remote") as visitor:
        page = visitor.page
        connect(page, server)
        expect(page.get_by_text("Connected by your ssh. Choose where your runs are")).to_be_visible()
        open_page(page, server)
        expect(page.get_by_role("region", name="Remote server")).to_contain_text("openssh, by your ssh")
        assert complaints(page) == []

        page.get_by_role("link", name="Manage").click()
        row = page.get_by_role("group", name="Session on 127.0.0.1")
        expect(row.get_by_text("running, by your ssh", exact=True)).to_be_visible()
        row.get_by_role("button", name="Details").click()
        expect(row.get_by_text("Connected by your ssh: RUNICORN_CONNECTOR says so.")).to_be_visible()
        row.get_by_role("button", name="Log", exact=True).click()
        expect(row.get_by_role("log")).to_contain_text("connects by ssh: RUNICORN_CONNECTOR says so")
        assert complaints(page) == []
        row.get_by_role("button", name="Stop", exact=True).click()
        expect(row.get_by_text("stopped", exact=True)).to_be_visible()
        assert visitor.complaints == []


def test_the_usual_connection_is_told_in_the_details_only(browser: Browser, server: Server, viewer: Viewer) -> None:
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        connect(page, server)
        expect(page.get_by_text("Connected. Choose where your runs are")).to_be_visible()
        open_page(page, server)
        strip = page.get_by_role("region", name="Remote server")
        expect(strip).to_contain_text(" ms")
        expect(strip).not_to_contain_text("your ssh")

        page.get_by_role("link", name="Manage").click()
        row = page.get_by_role("group", name="Session on 127.0.0.1")
        expect(row.get_by_text("running", exact=True)).to_be_visible()
        expect(row).not_to_contain_text("Paramiko")
        row.get_by_role("button", name="Details").click()
        expect(row.get_by_text("Connected by Paramiko.")).to_be_visible()
        row.get_by_role("button", name="Stop", exact=True).click()
        expect(row.get_by_text("stopped", exact=True)).to_be_visible()
