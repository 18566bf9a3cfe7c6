"""axe-core finds nothing to complain of: on every page, in both themes, wide and narrow, whatever is open."""

import re

import pytest
from playwright.sync_api import expect
from tests.support.axe import NARROW, WIDE, complaints, complaints_as, complaints_everywhere
from tests.support.browser import connect_by_key, visit
from tests.support.looking import looking
from tests.support.sweep import EVERYTHING, record_everything, record_sweep

PAGES = {
    "runs": "#/runs",
    "runs of another project": "#/runs?p=vision/sweeps&q=lr0.003",
    "no run matches": "#/runs?q=nothing-is-called-so",
    "a wrong filter": "#/runs?q=config.lr%20<",
    "charts": f"#/runs/{EVERYTHING}/charts",
    "overview": f"#/runs/{EVERYTHING}/overview",
    "media": f"#/runs/{EVERYTHING}/media",
    "system": f"#/runs/{EVERYTHING}/system",
    "console": f"#/runs/{EVERYTHING}/console",
    "no run": "#/runs/nothing/charts",
    "artifacts": "#/artifacts",
    "artifact": "#/artifacts/resnet50-imagenet-best-checkpoint",
    "no artifact": "#/artifacts/nothing",
    "machines": "#/machines",
    "remote": "#/remote",
    "no page": "#/nowhere",
}
HOST = {"host": "gpu-7.example", "port": 22, "username": "me", "name": "gpu-7", "remoteRoot": "/data/runs"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("axe") / "root"
    record_sweep(root)
    record_everything(root)
    return root


@pytest.fixture
def look(browser, root):
    with looking(browser, root) as (viewer, look):
        assert viewer.post("/api/remote/connections/saved", [HOST]).is_success
        yield look


@pytest.mark.parametrize("name", PAGES)
def test_a_page(look, name):
    page = look(PAGES[name])
    expect(page.locator("main").first).to_be_visible()
    page.wait_for_timeout(700)
    assert "\n".join(complaints_everywhere(page)) == ""


def test_a_root_without_runs(browser, tmp_path):
    with looking(browser, tmp_path / "root") as (_, look):
        page = look("#/runs")
        expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
        assert "\n".join(complaints_everywhere(page)) == ""


def search(page):
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or jump").fill("lr0.003")
    page.wait_for_timeout(400)


def search_in_vain(page):
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or jump").fill("nothing is called so")
    page.wait_for_timeout(400)


def run_menu(page):
    page.get_by_role("button", name=re.compile("^Actions for ")).first.click()


def editor(page):
    page.keyboard.press("e")


def console_search(page):
    page.get_by_role("textbox", name="Search the console").fill("step 70")
    page.get_by_role("button", name="Times").click()
    expect(page.locator(".console-line.current")).to_be_visible()


def wrong_expression(page):
    page.get_by_role("button", name="Regular expression").click()
    page.get_by_role("textbox", name="Search the console").fill("(")
    expect(page.get_by_role("alert")).to_be_visible()


def go_to_time(page):
    page.get_by_role("button", name="Go to a time").click()


def columns(page):
    page.get_by_role("button", name="Columns").click()


def help_sheet(page):
    page.keyboard.press("?")
    expect(page.get_by_text("Change the theme")).to_be_visible()


def login(page):
    page.get_by_role("button", name="Login").click()
    page.get_by_role("radio", name="Password").check()


def edit_host(page):
    page.get_by_role("button", name="Actions for gpu-7").click()
    page.get_by_role("menuitem", name="Edit").click()


def host_menu(page):
    page.get_by_role("button", name="Actions for gpu-7").click()


def large_chart(page):
    page.get_by_role("button", name=re.compile("nlarge")).first.click()


def toast(page):
    page.get_by_role("button", name=re.compile("^Actions for ")).first.click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(page.locator(".toast")).to_be_visible()


@pytest.mark.parametrize(("place", "do"), [
    ("#/runs", search), ("#/runs", search_in_vain), ("#/runs", help_sheet), ("#/runs", columns), ("#/runs", run_menu),
    (f"#/runs/{EVERYTHING}/overview", editor), (f"#/runs/{EVERYTHING}/overview", run_menu),
    (f"#/runs/{EVERYTHING}/charts", large_chart), (f"#/runs/{EVERYTHING}/console", console_search),
    (f"#/runs/{EVERYTHING}/console", wrong_expression), (f"#/runs/{EVERYTHING}/console", go_to_time),
    ("#/remote", login), ("#/remote", host_menu), ("#/remote", edit_host), ("#/runs", toast),
])  # fmt: skip
def test_what_is_open(look, place, do):
    page = look(place)
    expect(page.locator("main").first).to_be_visible()
    page.wait_for_timeout(700)
    do(page)
    page.wait_for_timeout(300)
    found = complaints_as(page, WIDE, "light") + complaints_as(page, NARROW, "dark")
    assert "\n".join(found) == ""


def test_the_projects_that_slide_in(look):
    page = look("#/runs", width=390, height=844)
    page.get_by_role("button", name="Show projects").click()
    expect(page.get_by_role("dialog", name="Projects")).to_be_visible()
    page.get_by_role("button", name="Close").focus()
    assert "\n".join(complaints(page)) == ""


def test_the_way_to_a_server(browser, server, viewer):
    """The question about its key, the choice of environment and folder, and the folders to look through."""
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        connect_by_key(page, server)
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Accept key")).to_be_visible()
        assert "\n".join(complaints_everywhere(page)) == ""
        dialog.get_by_role("button", name="Accept key").click()
        expect(page.get_by_role("textbox", name="Folder")).to_be_visible()
        assert "\n".join(complaints_everywhere(page)) == ""
        page.get_by_role("button", name="Browse", exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.wait_for_timeout(700)
        assert "\n".join(complaints_everywhere(page)) == ""


MOVING = """() => new Promise(done => {
    const seen = new Set();
    const began = performance.now();
    const look = () => {
        document.getAnimations().forEach(one => seen.add(one.animationName ?? one.transitionProperty));
        if (performance.now() - began < 1500) requestAnimationFrame(look); else done([...seen]);
    };
    look();
    document.querySelector('[aria-label="Actions for resnet50-imagenet-with-everything-s0"]').click();
    const item = () => [...document.querySelectorAll('[role=menuitem]')].find(one => /Copy id/.test(one.textContent));
    setTimeout(() => item().click(), 200);
})"""


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_who_wants_less_motion(look, wish, moves):
    page = look("#/runs?q=with-everything&archived=1")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.emulate_media(reduced_motion=wish)
    expect(page.get_by_role("link", name="resnet50-imagenet-with-everything-s0")).to_be_visible()
    page.get_by_role("button", name="Columns").hover()
    seen = page.evaluate(MOVING)
    expect(page.locator(".toast")).to_be_visible()
    assert bool(seen) is moves, seen
