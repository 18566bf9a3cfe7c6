"""The page on a telephone: one column, everything within reach of a finger, nothing that has to be hovered."""

import contextlib
import re

import pytest
from playwright.sync_api import expect
from tests.support.browser import visit
from tests.support.looking import looking
from tests.support.serving import run_viewer
from tests.support.sweep import EVERYTHING, record_everything, record_sweep

PAGES = {
    "runs": "#/runs",
    "charts of runs": "#/runs?show=charts",
    "charts": f"#/runs/{EVERYTHING}/charts",
    "overview": f"#/runs/{EVERYTHING}/overview",
    "media": f"#/runs/{EVERYTHING}/media",
    "system": f"#/runs/{EVERYTHING}/system",
    "console": f"#/runs/{EVERYTHING}/console",
    "artifacts": "#/artifacts",
    "artifact": "#/artifacts/resnet50-imagenet-best-checkpoint",
    "machines": "#/machines",
    "remote": "#/remote",
    "no page": "#/nowhere",
}
HOST = {"host": "gpu-7.a-rather-long-name.example", "port": 22, "username": "researcher", "name": "gpu-7"}

# Of what can be pressed: what is too small. A link in a sentence is as high as its line (WCAG 2.2, 2.5.8).
TOO_SMALL = """() => [...document.querySelectorAll('a[href],button,input,select,textarea,[role=tab],[role=checkbox]')]
    .filter(one => one.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}))
    .filter(one => !one.closest('.visually-hidden'))
    .filter(one => !(one.matches('a,.link-button') && one.closest('p,td,.fact,figcaption')))
    .map(one => [one, (one.matches('input') && one.closest('label,.input-wrap') || one).getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < 23.5 || box.height < 23.5))
    .map(([one, box]) => `${one.outerHTML.slice(0, 100)} ${box.width}x${box.height}`)"""
# What is cut off at the right and cannot be scrolled to.
OUT_OF_REACH = """() => [...document.querySelectorAll('a[href],button,input')]
    .filter(one => one.checkVisibility() && !one.closest('.visually-hidden'))
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.right > innerWidth + 1 || box.left < -1))
    .map(([one]) => one)
    .filter(one => {
        const scrolls = box =>
            box.scrollWidth > box.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(box).overflowX);
        for (let up = one.parentElement; up; up = up.parentElement) if (scrolls(up)) return false;
        return true;
    })
    .map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("narrow") / "root"
    record_sweep(root)
    record_everything(root)
    return root


@pytest.fixture
def look(browser, root):
    with looking(browser, root) as (viewer, look):
        assert viewer.post("/api/remote/connections/saved", [HOST]).is_success
        yield lambda place, **options: look(place, width=390, height=844, touch=True, **options)


def check(page):
    """Nothing of the document lies beside the screen, nothing is too small, nothing out of reach."""
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [390, 844]
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate(OUT_OF_REACH) == []


def test_a_root_without_runs(browser, tmp_path):
    with looking(browser, tmp_path / "the-storage-root-of-a-sweep-with-a-rather-long-name") as (_, look):
        page = look("#/runs", width=390, height=844, touch=True)
        expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
        check(page)
        main = page.locator("main").first
        assert main.evaluate("one => one.scrollWidth <= one.clientWidth")


FRAME_BUTTONS = ".top-bar button:not(.link-button)"
PLACES = f"[...document.querySelectorAll('{FRAME_BUTTONS}')].map(one => one.getBoundingClientRect().x).join()"
# Where these are in each picture that is drawn.
NOTE_PLACES = f"""() => {{
    window.places = new Set();
    const note = () => {{
        document.querySelector('.link-state') && window.places.add({PLACES});
        requestAnimationFrame(note);
    }};
    note();
}}"""


def settled(page):
    page.wait_for_timeout(700)
    return page


# What opens something. Of several alike (each run has its menu), one will do.
OPENERS = """() => {
    const found = [...document.querySelectorAll('button[aria-haspopup],button[aria-expanded]:not(.fold-button)')]
        .filter(one => one.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && !one.disabled);
    const kinds = found.map(one => (one.ariaLabel || one.textContent).split(' ')[0] + one.className);
    found.forEach((one, at) => kinds.indexOf(kinds[at]) === at && one.setAttribute('data-opener', at));
    return found.filter(one => one.dataset.opener).map(one => one.dataset.opener);
}"""


@pytest.mark.parametrize("name", [*PAGES, "groups"])
def test_whatever_opens_is_for_fingers(look, name):
    page = settled(look((PAGES | {"groups": "#/runs?group=config.lr,config.seed"})[name]))

    def unfold():
        for button in page.locator(".fold-button[aria-expanded=false]").all():
            button.tap()

    unfold()
    for opener in page.evaluate(OPENERS):
        unfold()  # a tap beside it folds it
        button = page.locator(f"[data-opener='{opener}']")
        if button.count() == 0:  # what was opened before has taken its place
            continue
        button.tap()
        page.wait_for_timeout(400)
        check(page)
        page.keyboard.press("Escape")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_one_column_for_fingers(look, name):
    page = settled(look(PAGES[name]))
    expect(page.locator("main").first).to_be_visible()
    check(page)


def test_the_list_comes_first_and_charts_are_a_page_of_their_own(look):
    page = look("#/runs")
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)
    page.get_by_role("button", name="Charts", exact=True).tap()
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_role("grid", name="Runs")).to_have_count(0)
    check(page)
    page.go_back()
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()


def test_runs_are_chosen_for_the_charts_by_a_tap(look):
    page = look("#/runs")
    page.get_by_role("checkbox").nth(9).tap()
    expect(page.get_by_role("checkbox").nth(9)).to_be_checked()
    expect(page).to_have_url(re.compile("sel="))


def test_heads_can_be_read_and_a_narrow_one_is_its_menu(look):
    page = look("#/runs?cols=state,config.lr,config.seed,max.val/acc&sort=config.lr,max.val/acc&order=asc,desc")
    for name in ("State", "lr", "seed"):
        head = page.get_by_role("columnheader", name=name).first
        label = head.locator("button > .ellipsis")
        expect(label).to_have_text(name)
        assert label.evaluate("one => one.scrollWidth <= one.clientWidth"), name
        sign = head.get_by_role("button", name=f"Column {name}").locator("svg")
        assert sign.evaluate("one => getComputedStyle(one).color") == "rgba(0, 0, 0, 0)"  # nothing lies on the name
    rate = page.get_by_role("columnheader", name="lr")
    # What a choice is called is what it does.
    for choice, way in (
        ("Turn the order round", "descending"),
        ("Do not sort by it", None),
        ("Sort by it as well", "ascending"),
    ):
        rate.tap()
        page.get_by_role("menuitem", name=choice, exact=True).tap()
        if way is None:
            expect(rate).not_to_have_attribute("aria-sort", re.compile(""))
        else:
            expect(rate).to_have_attribute("aria-sort", way)
    expect(page).to_have_url(re.compile("sort=max.val/acc,config.lr&order=desc,asc"))
    # A wide one is sorted by a tap on its name, and has a sign for its menu.
    name = page.get_by_role("columnheader", name="Name")
    sign = name.get_by_role("button", name="Column Name").locator("svg")
    assert sign.evaluate("one => getComputedStyle(one).color") != "rgba(0, 0, 0, 0)"
    name.get_by_role("button", name="Name", exact=True).tap()
    expect(name).to_have_attribute("aria-sort", re.compile("ending"))
    check(page)


def test_projects_slide_in_and_go_once_one_is_chosen(look):
    page = look("#/runs")
    expect(page.locator(".sidebar")).to_have_count(0)
    page.get_by_role("button", name="Show projects").tap()
    drawer = page.get_by_role("dialog", name="Projects")
    expect(drawer).to_be_visible()
    check(page)
    drawer.get_by_role("button", name=re.compile("large-batch")).tap()
    expect(drawer).to_have_count(0)
    expect(page.get_by_text("60 of 121")).to_be_visible()
    page.get_by_role("button", name="Show projects").tap()
    drawer.get_by_role("button", name="Close").tap()
    expect(drawer).to_have_count(0)


def test_the_toolbar_is_behind_one_button(look):
    page = look("#/runs")
    expect(page.get_by_role("button", name="Archived")).to_be_hidden()
    page.get_by_role("button", name="More of the toolbar").tap()
    page.get_by_role("button", name="Archived").tap()
    expect(page).to_have_url(re.compile("archived=1"))
    page.get_by_role("button", name="Archived").tap()
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    page.get_by_role("button", name="Columns").tap()
    columns = page.get_by_role("dialog", name="Columns")
    expect(columns).to_be_visible()
    check(page)
    columns.get_by_text("seed", exact=True).tap()
    expect(page).to_have_url(re.compile("cols=.*config.seed"))


def test_filtering_and_opening_a_run_and_its_tabs(look):
    page = look("#/runs")
    page.get_by_role("combobox", name="Filter runs").fill("with-everything")
    expect(page.get_by_text("1 of 121")).to_be_visible()
    page.get_by_role("link", name="resnet50-imagenet-with-everything-s0").tap()
    heading = page.get_by_role("heading", name="resnet50-imagenet-with-everything-s0")
    expect(heading).to_be_visible()
    assert heading.bounding_box()["width"] > 250  # it can be read
    for tab, sign in (
        ("Overview", "Config"),
        ("Media", "samples"),
        ("Console", "the last one"),
        ("Charts", "loss"),
    ):
        page.get_by_role("tab", name=re.compile(tab)).tap()
        expect(page.get_by_role("tabpanel").get_by_text(sign).first).to_be_visible()
    page.get_by_role("link", name="Back to the runs").tap()
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()


def test_a_runs_menu_needs_no_hovering(look):
    page = look("#/runs?q=with-everything")
    page.get_by_role("button", name=re.compile("^Actions for resnet50-imagenet-with")).tap()
    page.get_by_role("menuitem", name="Note").tap()
    dialog = page.get_by_role("dialog", name="Edit run")
    expect(dialog).to_be_visible()
    check(page)
    dialog.get_by_role("textbox", name="Note").fill("From a telephone.")
    dialog.get_by_role("button", name="Save").tap()
    expect(dialog).to_have_count(0)


def test_the_console_is_searched_and_timed(look):
    page = look(PAGES["console"])
    page.get_by_role("textbox", name="Search the console").fill("step 700 ")
    expect(page.locator(".console-line.current")).to_contain_text("step 700 ")
    page.get_by_role("button", name="Times").tap()
    expect(page.locator(".console-line.current .console-time")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    check(page)
    page.get_by_role("button", name="Go to a time").tap()
    expect(page.get_by_role("textbox", name="Go to a time")).to_be_visible()
    check(page)
    page.get_by_role("textbox", name="Go to a time").fill("+0s")
    page.get_by_role("button", name="Go", exact=True).tap()
    expect(page.locator(".console-line.current")).to_contain_text("step 0 ")


def test_search_and_help_open_by_a_tap(look):
    page = look("#/runs")
    page.get_by_role("button", name="Search or jump").tap()
    page.get_by_role("combobox", name="Search or jump").fill("with-everything")
    option = page.get_by_role("option", name=re.compile("with-everything"))
    expect(option).to_be_visible()
    check(page)
    option.tap()
    expect(page.get_by_role("heading", name="resnet50-imagenet-with-everything-s0")).to_be_visible()
    page.get_by_role("button", name="Keyboard shortcuts").tap()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Search or jump")
    check(page)


def test_no_button_of_the_frame_moves_as_the_link_comes_and_goes(browser, root):
    """A finger is on its way to where a button was."""
    with contextlib.ExitStack() as stack:
        with run_viewer(root, root.parent / "home") as viewer:
            url = f"http://localhost:{viewer.port}/#/runs"
            page = stack.enter_context(visit(browser, url, width=390, height=844, touch=True)).page
            page.evaluate(NOTE_PLACES)
            expect(page.locator(".link-state")).to_have_text("live")
            assert page.locator(FRAME_BUTTONS).count() == 3
        expect(page.locator(".link-state")).to_contain_text("No answer since", timeout=60_000)
        assert page.evaluate("[...window.places]") == [page.evaluate(PLACES)]


def test_artifacts_are_opened_and_their_versions_chosen(look):
    page = look("#/artifacts")
    page.get_by_role("link", name="resnet50-imagenet-best-checkpoint").tap()
    expect(page.get_by_role("link", name="model.pt")).to_be_visible()
    page.get_by_role("link", name="Back to the artifacts").tap()
    expect(page.get_by_role("grid", name="Artifacts")).to_be_visible()


def test_hosts_are_edited_and_a_server_is_typed(look):
    page = look("#/remote")
    row = page.get_by_role("group", name="gpu-7")
    expect(row.get_by_role("button", name="Open")).to_be_visible()
    row.get_by_role("button", name="Actions for gpu-7").tap()
    page.get_by_role("menuitem", name="Edit").tap()
    expect(page.get_by_role("dialog", name="Edit host")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Cancel").tap()
    page.get_by_role("button", name="Login").tap()
    expect(page.get_by_role("radiogroup", name="Login")).to_be_visible()
    check(page)


def test_what_goes_wrong_with_a_server_can_be_read(browser, root):
    """The browser's console complains of the answer, which says that nobody listens there."""
    with (
        run_viewer(root, root.parent / "home") as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/remote", width=390, height=844, touch=True) as visited,
    ):
        page = visited.page
        page.get_by_role("combobox", name="Server").fill("me@127.0.0.1:1")
        page.get_by_role("button", name="Connect", exact=True).tap()
        expect(page.get_by_role("alert").first).to_be_in_viewport()
        check(page)
