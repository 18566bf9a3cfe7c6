"""A person opens a folder on a node where a job of theirs runs, from the page of machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.accounts import Account
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.job_nodes import LoginNode, login_node
from tests.support.remote import accept, connect
from tests.support.serving import Viewer, run_viewer
from tests.support.slurm import run_slurm
from tests.support.sshd import run_sshd

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def there(bare_account: Account, tmp_path: Path) -> Iterator[LoginNode]:
    with run_slurm() as slurm, login_node(bare_account, tmp_path, slurm) as made:
        yield made


@pytest.fixture
def viewer(there: LoginNode, tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "local", tmp_path / "home") as running:
        log_in(running, there)
        yield running


def log_in(viewer: Viewer, there: LoginNode) -> None:
    login = {**there.server.login(), "port": there.link.port}
    accept(viewer, connect(viewer, login))
    assert connect(viewer, login).status_code == 200


def test_a_folder_on_a_node_comes_into_the_page(browser: Browser, viewer: Viewer, there: LoginNode) -> None:
    there.add_run(1)
    with visit(browser, f"{viewer.url}/#/machines") as visitor:
        page = visitor.page
        node = page.get_by_role("region", name="gpu2")
        expect(node).to_contain_text(f"through job {there.job} on", timeout=60_000)
        node.get_by_role("button", name="Open a folder on gpu2").click()
        folder = node.get_by_label("Folder on gpu2")
        expect(folder).to_be_focused()
        assert complaints(page) == []
        folder.fill("/nowhere/runs")
        folder.press("Enter")
        expect(node.get_by_role("alert")).to_contain_text("The folder /nowhere/runs does not exist")
        folder.fill("")
        node.get_by_role("button", name="Browse", exact=True).click()
        dialog = page.get_by_role("dialog", name="Choose a folder on gpu2")
        dialog.get_by_role("option", name=re.compile(there.server.runs.name)).click(timeout=20_000)
        expect(dialog.get_by_role("listbox", name=f"Contents of {there.server.runs}")).to_be_visible()
        assert complaints(page) == []
        dialog.get_by_role("button", name="Use this folder").click()
        expect(folder).to_have_value(str(there.server.runs))
        node.get_by_role("button", name="Open", exact=True).click()
        node.get_by_role("link", name=re.compile("runs-")).click(timeout=20_000)
        row = page.get_by_role("row").filter(has_text="on a node 1")
        expect(row).to_contain_text("gpu2")
        expect(page.get_by_role("button", name=re.compile("gpu2 1$"))).to_be_visible()
        page.get_by_role("link", name="Remote").click()
        session = page.get_by_role("group", name=re.compile("Session on gpu2 through"))
        session.get_by_role("button", name="Stop").click()
        expect(session).to_have_attribute("data-status", "stopped", timeout=20_000)


def test_who_may_log_in_to_the_node_logs_in_by_the_host(browser: Browser, tmp_path: Path, there: LoginNode) -> None:
    """The node's own sshd, whose place the person's ssh config knows; the way there is through the host, which asks
    nobody anything, as it is connected.
    """
    there.add_run(1)
    account, home = there.server.account, tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    with run_sshd() as sshd:
        sshd.authorize(account.username, there.server.key.with_suffix(".pub"))
        (home / ".ssh" / "config").write_text(f"Host gpu2\n HostName 127.0.0.1\n Port {sshd.port}\n")
        with run_viewer(tmp_path / "local", home) as viewer:
            log_in(viewer, there)
            saved = {"authMethod": "key", "privateKeyPath": str(there.server.key)}
            target = there.server.target(port=there.link.port, name="login", **saved)
            assert viewer.post("/api/remote/connections/saved", [target]).json()["ok"]
            carried = there.link.bytes_carried
            lead_to_node(browser, viewer, there)
            assert there.link.bytes_carried > carried, "through the host"
            assert there.server.sshd.log.count("Accepted publickey") == 1
            assert f"Accepted publickey for {account.username} from 127.0.0.1" in sshd.log


def lead_to_node(browser: Browser, viewer: Viewer, there: LoginNode) -> None:
    with visit(browser, f"{viewer.url}/#/machines") as visitor:
        page = visitor.page
        node = page.get_by_role("region", name="gpu2")
        node.get_by_role("button", name="Open a folder on gpu2").click(timeout=60_000)
        node.get_by_role("button", name="Log in to gpu2 by SSH instead").click()
        expect(page).to_have_url(re.compile("#/remote"))
        dialog = page.get_by_role("dialog", name=re.compile("Confirm the host key of"))
        dialog.get_by_role("button", name="Accept key").click(timeout=20_000)
        opening = page.get_by_role("region", name="Opening")
        opening.get_by_role("textbox", name="Folder", exact=True).fill(str(there.server.runs))
        opening.get_by_role("button", name="Open its page").click(timeout=20_000)
        expect(page.get_by_role("link", name="on a node 1")).to_be_visible(timeout=30_000)
