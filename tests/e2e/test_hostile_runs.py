"""Runs whose every text wants to be more than text: the page shows it as what it is, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect
from tests.support.browser import connect_by_key, visit
from tests.support.hostile import ARTIFACT, LONG, MARKUP_NAME, PLAIN_ID, TEXTS, hostile_root
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer

# Runs in the page before anything else of it, and sees what was there for a moment only.
WATCH = """
    window.seen = [];
    addEventListener('securitypolicyviolation', event => seen.push(`${event.violatedDirective} ${event.blockedURI}`));
    new MutationObserver(records => {
        for (const record of records)
            for (const node of [record.target, ...record.addedNodes])
                if (node.matches?.('[data-theirs]') || node.querySelector?.('[data-theirs]')) seen.push(node.outerHTML);
    }).observe(document, {subtree: true, childList: true, attributes: true});
"""
STATE = """() => ({
    seen,
    canary: window.canary ?? null,
    polluted: ({}).polluted ?? null,
    elements: [...document.querySelectorAll('[data-theirs], iframe, embed, object, base, meta[http-equiv]')].length,
    links: [...document.querySelectorAll('[href], [src], [action]')]
        .map(each => each.href?.baseVal ?? each.href ?? each.src ?? each.action)
        .filter(address => !/^http:\\/\\/(localhost|127\\.0\\.0\\.1):[0-9]+\\//.test(address)),
    wider: document.documentElement.scrollWidth - innerWidth,
    higher: document.documentElement.scrollHeight - innerHeight,
})"""
HARMLESS = {"seen": [], "canary": None, "polluted": None, "elements": 0, "links": [], "wider": 0, "higher": 0}


@dataclass
class Watched:
    """A page that is watched. requests: whatever it asked. surprises: dialogs and windows that it opened."""

    page: Page
    base: str
    complaints: list[str]
    requests: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def go(self, hash_path: str) -> None:
        self.page.goto(f"{self.base}/{hash_path}")

    def assert_harmless(self) -> None:
        assert self.page.evaluate(STATE) == HARMLESS
        assert self.complaints == []
        assert self.surprises == []
        own = (f"{self.base}/", "data:", "blob:")
        assert [url for url in self.requests if not url.startswith(own)] == []


def watch(stack: ExitStack, browser: Browser, base: str) -> Watched:
    """Open the page at `base` in a context of its own, and watch it from its first moment."""
    visitor = stack.enter_context(visit(browser, base))
    page = visitor.page
    watched = Watched(page, base.rstrip("/"), visitor.complaints)

    def refuse(dialog: Dialog) -> None:
        watched.surprises.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.context.on("page", lambda opened: watched.surprises.append(opened.url))
    page.context.on("request", lambda request: watched.requests.append(request.url))
    page.add_init_script(WATCH)
    page.reload()
    return watched


@pytest.fixture(scope="module")
def ids_and_viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Viewer]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "home").mkdir()
    ids = hostile_root(folder / "root")
    with run_viewer(folder / "root", folder / "home") as viewer:
        yield ids, viewer


@pytest.fixture
def ids(ids_and_viewer: tuple[list[str], Viewer]) -> list[str]:
    return ids_and_viewer[0]


@pytest.fixture
def hostile(ids_and_viewer: tuple[list[str], Viewer], browser: Browser) -> Iterator[Watched]:
    """The page of a viewer on the hostile root."""
    with ExitStack() as stack:
        yield watch(stack, browser, ids_and_viewer[1].url)


def shows(page: Page, selector: str, text: str) -> None:
    """Wait until one of these elements holds exactly this text."""
    source = "([selector, text]) => [...document.querySelectorAll(selector)].some(each => each.textContent === text)"
    page.wait_for_function(source, arg=[selector, text])


def look_at_run(watched: Watched, run: dict[str, Any]) -> None:
    """Visit each tab of a run, and check that what it is called stands there letter by letter."""
    page = watched.page
    for tab in ("overview", "charts", "console"):
        watched.go(f"#/runs/{run['id']}/{tab}")
        shows(page, "h1", run["name"])
        if tab == "overview":
            shows(page, ".kv td", run["config"]["lr"] if isinstance(run["config"]["lr"], str) else "0.1")
        elif tab == "charts":
            expect(page.locator('[data-metric="loss"]')).to_have_attribute("data-points", re.compile("[1-9]"))
        elif run["id"] != PLAIN_ID:
            expect(page.get_by_role("log", name="Console output")).to_contain_text("an OSC 8 link that runs")
        watched.assert_harmless()


def runs_of(viewer: Viewer) -> dict[str, dict[str, Any]]:
    return {run["id"]: run for run in viewer.get("/api/runs", limit=100).json()["runs"]}


def test_the_watch_sees_what_it_watches_for(hostile: Watched) -> None:
    hostile.assert_harmless()
    add = "html => { const box = document.createElement('p'); box.innerHTML = html; document.body.append(box); }"
    for html in (
        TEXTS[0],
        '<a href="javascript:canary=1">x</a>',
        '<img src="http://evil.test/x.png">',
        '<p style="width: 3000px; height: 1px"></p>',
    ):
        hostile.page.evaluate(add, html)
        with pytest.raises(AssertionError):
            hostile.assert_harmless()
        hostile.page.reload()
        hostile.complaints.clear()
        hostile.requests.clear()


def test_every_part_of_every_run_is_shown_as_text(hostile: Watched, ids_and_viewer: tuple[list[str], Viewer]) -> None:
    ids, viewer = ids_and_viewer
    runs = runs_of(viewer)
    assert sorted(runs) == sorted(ids)
    for run in runs.values():
        look_at_run(hostile, run)


def test_the_list_of_runs_is_shown_as_text(hostile: Watched, ids: list[str]) -> None:
    page = hostile.page
    expect(page.get_by_role("grid", name="Runs")).to_have_attribute("aria-rowcount", str(len(ids) + 1))
    shows(page, ".run-link", TEXTS[0])
    shows(page, ".sidebar-name", "All runs")
    hostile.assert_harmless()
    hostile.go("#/runs?cols=state,project,tags,note,host,user,config.lr,created,step,duration")
    shows(page, ".run-link", TEXTS[0])
    hostile.assert_harmless()

    page.get_by_role("button", name="Columns").click()
    page.get_by_role("textbox", name="Search columns").fill("canary")
    shows(page, ".columns-list .ellipsis", TEXTS[7])
    hostile.assert_harmless()
    page.keyboard.press("Escape")

    row = page.locator(f"#run-{ids[0]}")
    row.hover()
    row.get_by_role("button").last.click()
    hostile.assert_harmless()
    page.get_by_role("menuitem", name="Rename").click()
    expect(page.get_by_role("dialog").get_by_role("textbox").first).to_have_value(TEXTS[0])
    hostile.assert_harmless()
    page.keyboard.press("Escape")

    page.locator('.sidebar-row[title="__proto__"]').click()
    expect(page.get_by_role("grid", name="Runs")).to_have_attribute("aria-rowcount", "2")
    hostile.assert_harmless()


def test_comparing_and_pointing_at_curves_shows_text(hostile: Watched, ids: list[str]) -> None:
    page = hostile.page
    hostile.go(f"#/runs?sel={','.join(ids[:6])},{ids[-2]},{ids[-3]}")
    chart = page.locator('[data-metric="loss"]')
    expect(chart).to_have_attribute("data-points", re.compile("[1-9]"))
    chart.locator(".chart-over").hover()
    shows(page, '[data-metric="loss"] *', TEXTS[0])  # what points at a curve names its run
    hostile.assert_harmless()
    enlarged = page.locator("[data-metric]").first
    enlarged.hover()
    enlarged.get_by_role("button", name=re.compile("^Enlarge")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    hostile.assert_harmless()


def test_searching_and_addresses_show_text(hostile: Watched) -> None:
    page = hostile.page
    shows(page, ".run-link", TEXTS[0])
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or jump").fill("<img data-theirs")
    shows(page, "#search-list *", TEXTS[0])
    hostile.assert_harmless()
    page.keyboard.press("Escape")

    for text in (*TEXTS[:4], TEXTS[16], LONG):
        with page.expect_response("**/api/runs?*"):
            page.get_by_role("combobox", name="Filter runs").fill(text)
        hostile.assert_harmless()
    for path in (
        f"#/{MARKUP_NAME}",
        f"#/runs/{MARKUP_NAME}",
        f"#/runs?p={MARKUP_NAME}&sel={MARKUP_NAME}&cols={MARKUP_NAME}&sort={MARKUP_NAME}",
        f"#/runs/{PLAIN_ID}/charts?metrics={MARKUP_NAME}&x={MARKUP_NAME}&zoom={MARKUP_NAME}",
        "#javascript:canary=1",
        "#/runs?__proto__=1&constructor=2",
    ):
        hostile.go(path)
        expect(page.get_by_role("main").first).to_be_visible()
        # An address that means nothing is asked for and not found, which the browser's console says as well.
        hostile.assert_harmless()


def test_artifacts_are_shown_as_text(hostile: Watched, ids_and_viewer: tuple[list[str], Viewer]) -> None:
    page = hostile.page
    hostile.go("#/artifacts")
    expect(page.get_by_role("link", name=ARTIFACT, exact=True)).to_be_visible()
    hostile.assert_harmless()
    versions = ids_and_viewer[1].get(f"/api/artifacts/{ARTIFACT}").json()["versions"]
    assert len(versions) == len(TEXTS) + 2
    for version in versions:
        hostile.go(f"#/artifacts/{ARTIFACT}?v={version['version']}")
        shows(page, "h2", version["version"])
        shows(page, ".version-description", version["description"])
        shows(page, ".fact .ellipsis", version["type"])
        expect(page.get_by_role("region", name="Files").get_by_role("row")).to_have_count(2)
        hostile.assert_harmless()
    for path in (f"#/artifacts/{MARKUP_NAME}", f"#/artifacts/{ARTIFACT}?v={MARKUP_NAME}"):
        hostile.go(path)
        shows(page, ".empty-state code", MARKUP_NAME)
        hostile.assert_harmless()
    hostile.go(f"#/artifacts?q={MARKUP_NAME}")
    shows(page, ".quiet-note code", MARKUP_NAME)
    hostile.assert_harmless()


def test_a_file_of_a_run_is_saved_and_never_opened(hostile: Watched, ids: list[str]) -> None:
    page = hostile.page
    hostile.go(f"#/runs/{ids[0]}/overview")
    for suffix in (".html", ".svg"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"{TEXTS[0]}{suffix}").click()
        assert Path(download.value.path()).read_text().startswith("<script>")
        shows(page, "h1", TEXTS[0])
        hostile.assert_harmless()


def test_a_server_can_show_nothing_but_text(browser: Browser, server: Server, viewer: Viewer) -> None:
    """Its folders, its environments, its storage root and its runs, through the Remote page and through the tunnel."""
    home = server.account.home
    root = server.runs / MARKUP_NAME
    environment = home / "venvs" / MARKUP_NAME
    ids = hostile_root(root)
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("version = 3.11.2\n")
    (environment / "bin" / "python").symlink_to(f"/{MARKUP_NAME}")
    server.account.give(server.runs)
    try:
        accept(viewer, connect(viewer, server.login()))
        with ExitStack() as stack:
            local = watch(stack, browser, viewer.url)
            page = local.page
            local.go("#/remote")
            connect_by_key(page, server)
            shows(page, ".env-name .ellipsis", MARKUP_NAME)
            local.assert_harmless()
            folder = page.get_by_role("textbox", name="Folder")
            expect(folder).to_have_value(str(root))  # found there, since the usual folder is not
            folder.fill(str(server.runs))
            shows(page, ".found-folder .path-end", str(root))
            local.assert_harmless()
            page.get_by_role("button", name="Browse", exact=True).click()
            shows(page, ".browse-row .ellipsis", MARKUP_NAME)
            local.assert_harmless()
            page.keyboard.press("Escape")

            session = start(viewer, server.login(remote_root=str(root)))
            expect(page.get_by_role("region", name="Sessions")).to_contain_text(MARKUP_NAME)
            local.assert_harmless()

            remote = watch(stack, browser, session["url"])
            expect(remote.page.get_by_role("region", name="Remote server")).to_contain_text(MARKUP_NAME)
            shows(remote.page, ".run-link", TEXTS[0])
            remote.assert_harmless()
            runs = remote.page.evaluate("fetch('/api/runs?limit=100').then(answer => answer.json())")["runs"]
            for run in runs:
                if run["id"] in (ids[0], ids[2], ids[-3]):
                    look_at_run(remote, run)
        stop(viewer, session)
    finally:
        (environment / "bin" / "python").unlink()
        (environment / "bin").rmdir()
        (environment / "pyvenv.cfg").unlink()
        environment.rmdir()
