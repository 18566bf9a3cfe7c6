"""The sheet of keys is true."""

import re

from playwright.sync_api import expect
from tests.support.browser import visit
from tests.support.serving import run_viewer

import runicorn as rn


def test_the_keys_of_a_run_go_where_the_sheet_says(browser, tmp_path):
    with rn.init("keys", root=tmp_path / "root", system_metrics=False) as run:
        run.log({"loss": 1.0})
    with (
        run_viewer(tmp_path / "root", tmp_path / "home") as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/runs/{run.id}/overview") as visited,
    ):
        page = visited.page
        expect(page.get_by_role("tab").first).to_be_visible()
        page.keyboard.press("?")
        line = page.locator(".help-grid div", has=page.get_by_text("Overview, ")).last
        keys, names = line.locator("kbd").all_inner_texts(), line.locator("dd").inner_text().lower().split(", ")
        assert len(keys) == len(names) == page.get_by_role("tab").count()
        page.keyboard.press("Escape")
        for key, name in reversed(list(zip(keys, names, strict=True))):
            page.keyboard.press(key)
            expect(page).to_have_url(re.compile(f"/{name}(\\?|$)"))
