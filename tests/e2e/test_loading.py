"""The page's script comes in parts: few before the first chart, each other one when its page is opened."""

import gzip
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from tests.support.browser import visit
from tests.support.looking import looking
from tests.support.serving import run_viewer

import runicorn as rn
from runicorn.viewer.page import PAGE_FOLDER

MAX_BEFORE_FIRST_CHART_KB = 80
# The page tries again every few seconds, which would take the button away from under the pointer.
NOTHING_BY_ITSELF = """() => {
    const later = window.setTimeout;
    window.setTimeout = (task, ms = 0, ...rest) => (ms >= 1000 ? 0 : later(task, ms, ...rest));
}"""


@pytest.fixture
def root(tmp_path):
    with rn.init("parts", name="first", id="first", root=tmp_path / "root", system_metrics=False) as run:
        for step in range(50):
            run.log({"train/loss": 1 / (step + 1)})
        print("a line of output")
    return tmp_path / "root"


@pytest.fixture
def look(browser, root):
    with looking(browser, root) as (_, look):
        yield look


@pytest.fixture
def page_without_network(browser, root, tmp_path):
    """A page that has drawn its chart when the network goes; the browser's console complains of that."""
    with (
        run_viewer(root, tmp_path / "home") as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/runs/first/charts") as visited,
    ):
        expect(visited.page.locator('[data-metric="train/loss"] canvas.chart-lines')).to_be_visible()
        visited.page.context.set_offline(True)
        yield visited.page


def scripts_of(page):
    """Return the names of the script files that the page has loaded, in order; as often as it asked for them."""
    found = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    return [name.rsplit("/", 1)[1] for name in found if name.endswith(".js")]


def gzipped_kb(names):
    return sum(len(gzip.compress((PAGE_FOLDER / "assets" / name).read_bytes())) for name in set(names)) / 1000


@pytest.mark.parametrize("place", ["#/runs", "#/runs/first/charts"])
def test_the_first_chart_needs_little_script(look, place):
    page = look("#/nowhere")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.goto(page.url.split("#")[0] + "?again" + place)
    expect(page.locator('[data-metric="train/loss"] canvas.chart-lines')).to_be_visible()
    names = scripts_of(page)
    assert 30 < gzipped_kb(names) <= MAX_BEFORE_FIRST_CHART_KB
    assert not any(re.match("RemotePage|ConsolePane|MediaPane|artifacts", name) for name in names)


def test_a_page_is_loaded_when_it_is_opened(look):
    page = look("#/runs")
    expect(page.get_by_role("row", name=re.compile("first"))).to_be_visible()
    assert not [name for name in scripts_of(page) if name.startswith("artifacts")]
    page.get_by_role("link", name="Artifacts").click()
    expect(page.get_by_role("heading", name="No artifacts yet")).to_be_visible()
    assert not [name for name in scripts_of(page) if name.startswith("RemotePage")]
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="Artifacts").click()
    expect(page.get_by_role("heading", name="No artifacts yet")).to_be_visible()
    assert len([name for name in scripts_of(page) if name.startswith("artifacts")]) == 1


def test_a_part_that_does_not_come_is_told_of_and_asked_for_again(page_without_network):
    page = page_without_network
    page.evaluate(NOTHING_BY_ITSELF)
    page.get_by_role("tab", name="Console").click()
    expect(page.get_by_role("alert")).to_contain_text("VIEWER_UNREACHABLE")
    expect(page.get_by_role("heading", name="first")).to_be_visible()  # the rest of the page is there
    # The last thing that a try asks for is the page itself, to tell whether it is another one by now.
    with page.expect_event("requestfailed", lambda request: urlsplit(request.url).path == "/"):
        page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("VIEWER_UNREACHABLE")
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("a line of output")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_part_comes_by_itself_once_the_viewer_is_back(page_without_network):
    page = page_without_network
    page.get_by_role("tab", name="Console").click()
    expect(page.get_by_role("alert")).to_contain_text("VIEWER_UNREACHABLE")
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    expect(page.get_by_role("log")).to_contain_text("a line of output", timeout=40_000)


def test_a_page_of_an_earlier_build_says_so_and_keeps_its_place(look):
    page = look("#/runs/first/charts?smooth=0.5")
    expect(page.locator('[data-metric="train/loss"] canvas.chart-lines')).to_be_visible()
    # What an upgrade of the package leaves: other names in the page, and nothing under the old ones.
    page.route("**/assets/ConsolePane*", lambda route: route.fulfill(status=404, body="{}"))
    page.route(
        re.compile(r":\d+/$"),
        lambda route: route.fulfill(body="<!doctype html><script src='./assets/new.js'></script>"),
    )
    page.get_by_role("tab", name="Console").click()
    expect(page.get_by_role("alert")).to_contain_text("The viewer has been updated")
    page.unroute_all()
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("log")).to_contain_text("a line of output")
    expect(page).to_have_url(re.compile("#/runs/first/console"))


def test_a_part_of_a_part_that_does_not_come_is_told_of_too(look):
    page = look("#/runs/first/charts")
    expect(page.locator('[data-metric="train/loss"] canvas.chart-lines')).to_be_visible()
    # What media share with other tabs.
    page.route("**/assets/run-parts*", lambda route: route.fulfill(status=404, body="{}"))
    page.get_by_role("tab", name="Media").click()
    expect(page.get_by_role("alert")).to_contain_text("A part of the page did not come")
    page.unroute_all()
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("heading", name="No media yet")).to_be_visible()
    page.get_by_role("tab", name="Overview").click()
    expect(page.get_by_role("heading", name="Config")).to_be_visible()
