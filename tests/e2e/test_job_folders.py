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

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def there(bare_account: Account, tmp_path: Path) -> Iterator[LoginNode]:
    with run_slurm() as slurm, login_node(bare_account, tmp_path, slurm) as made:
        yield made


@pytest.fixture
def viewer(there: LoginNode, tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "local", tmp_path / "home") as running:
        login = {**there.server.login(), "port": there.link.port}
        accept(running, connect(running, login))
        assert connect(running, login).status_code == 200
        yield running


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
        folder.fill(str(there.server.runs))
        node.get_by_role("button", name="Open", exact=True).click()
        node.get_by_role("link", name=re.compile("runs-")).click(timeout=20_000)
        row = page.get_by_role("row").filter(has_text="on a node 1")
        expect(row).to_contain_text("gpu2")
        expect(page.get_by_role("button", name=re.compile("gpu2 1$"))).to_be_visible()
        page.get_by_role("link", name="Remote").click()
        session = page.get_by_role("group", name=re.compile("Session on gpu2 through"))
        session.get_by_role("button", name="Stop").click()
        expect(session).to_have_attribute("data-status", "stopped", timeout=20_000)


def test_who_may_log_in_to_the_node_is_led_there(browser: Browser, viewer: Viewer, there: LoginNode) -> None:
    """The name of the node is none here, so that it ends with what ssh says of it; the way is through the host."""
    with visit(browser, f"{viewer.url}/#/machines") as visitor:
        page = visitor.page
        node = page.get_by_role("region", name="gpu2")
        node.get_by_role("button", name="Open a folder on gpu2").click(timeout=60_000)
        node.get_by_role("button", name="Log in to gpu2 by SSH instead").click()
        expect(page).to_have_url(re.compile("#/remote"))
        aside = page.get_by_role("complementary", name="Connection")
        expect(aside).to_contain_text(f"{there.server.account.username}@gpu2")
