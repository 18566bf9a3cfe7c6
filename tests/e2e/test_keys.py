"""The sheet of keys is true."""

import re

import pytest
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
        expect(line).to_be_visible()
        keys, names = line.locator("kbd").all_inner_texts(), line.locator("dd").inner_text().lower().split(", ")
        assert len(keys) == len(names) == page.get_by_role("tab").count()
        page.keyboard.press("Escape")
        for key, name in reversed(list(zip(keys, names, strict=True))):
            page.keyboard.press(key)
            expect(page).to_have_url(re.compile(f"/{name}(\\?|$)"))


# --- every line of the sheet: what its keys do, tried -------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("keys") / "root"
    for at in range(3):
        with rn.init("keys", name=f"run-{at}", id=f"run{at}", root=root, system_metrics=False) as run:
            for step in range(30):
                run.log({"loss": 1 / (step + 1), "acc": step / 30})
                print(f"line {step} needle")
            (root / "model").write_text(f"weights {at}")
            run.log_artifact(root / "model", name="model")
            run.log_artifact(root / "model", name="other")
    return root


@pytest.fixture(scope="module")
def served(root):
    with run_viewer(root, root.parent / "home") as viewer:
        yield viewer


RUN = "#/runs/run1/overview"
CHECKS = {}


def does(section, keys, place):
    """Mark what tries a line of the sheet, beginning at a place of the page."""

    def mark(check):
        CHECKS[section, keys] = (place, check)
        return check

    return mark


@does("Anywhere", "Ctrl K", "#/runs")
def search(page):
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search or jump")).to_be_visible()
    page.keyboard.press("Control+k")


@does("Anywhere", "g h", "#/artifacts")
def to_runs(page):
    press(page, "g", "h")
    expect(page).to_have_url(re.compile("#/runs"))


@does("Anywhere", "g a", "#/runs")
def to_artifacts(page):
    press(page, "g", "a")
    expect(page).to_have_url(re.compile("#/artifacts"))


@does("Anywhere", "g m", "#/runs")
def to_machines(page):
    press(page, "g", "m")
    expect(page).to_have_url(re.compile("#/machines"))


@does("Anywhere", "g r", "#/runs")
def to_remote(page):
    press(page, "g", "r")
    expect(page).to_have_url(re.compile("#/remote"))


@does("Anywhere", "t", "#/runs")
def theme(page):
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()


@does("Anywhere", "u", "#/runs")
def undo(page):
    page.get_by_role("link", name="run-0").hover()
    page.get_by_role("button", name="Actions for run-0").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(page.locator(".toast").get_by_role("button", name="Undo")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("archived", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="run-0")).to_be_visible()


@does("Anywhere", "?", "#/runs")
def sheet(page):
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


@does("Anywhere", "Esc", RUN)
def escape(page):
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("#/runs$"))


@does("Runs", "/", "#/runs")
def filter_runs(page):
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Filter runs")).to_be_focused()


@does("Runs", "j  k", "#/runs")
def move(page):
    press(page, "j", "j", "k")
    expect(page.locator(".row.cursor")).to_have_attribute("aria-rowindex", "2")


@does("Runs", "x", "#/runs?sel=none")
def show(page):
    press(page, "j", "x")
    expect(page.get_by_role("checkbox").first).to_be_checked()
    press(page, "x")
    expect(page.get_by_role("checkbox").first).not_to_be_checked()


@does("Runs", "Enter", "#/runs")
def open_run(page):
    press(page, "j", "Enter")
    expect(page).to_have_url(re.compile("#/runs/run2/"))


@does("Runs", "e", "#/runs")
def edit_at_cursor(page):
    press(page, "j", "e")
    expect(page.get_by_role("dialog", name="Edit run")).to_be_visible()


@does("Runs", "[", "#/runs")
def fold(page):
    page.keyboard.press("[")
    expect(page.locator(".sidebar")).to_have_count(0)
    page.keyboard.press("[")
    expect(page.locator(".sidebar")).to_be_visible()


WIDTH = "([one, before]) => one.getBoundingClientRect().width "
COLUMNS = "#/runs?cols=config.lr,summary.loss&sel=none"


@does("Runs", "h  l", COLUMNS)
def cells(page):
    press(page, "j", "l", "l", "h")
    expect(page.locator(".row.cursor .cell.here")).to_have_attribute("data-key", "config.lr")


@does("Runs", "f", COLUMNS)
def filter_by_cell(page):
    press(page, "j", "l", "f")
    expect(page.get_by_role("menuitem", name=re.compile("^Only")).first).to_be_visible()


@does("Runs", "a", "#/runs?sel=none")
def select_all(page):
    page.keyboard.press("a")
    expect(page.get_by_role("toolbar", name="Selected runs")).to_contain_text("3 selected")


@does("Runs", "b", COLUMNS)
def compare(page):
    press(page, "j", "b")
    expect(page).to_have_url(re.compile("base=run2"))


@does("Runs", "z", "#/runs?group=state")
def fold_groups(page):
    rows = page.locator(".row:not(.group)")
    page.keyboard.press("z")
    expect(rows).to_have_count(3)
    page.keyboard.press("z")
    expect(rows).to_have_count(0)


def head(page, name):
    found = page.get_by_role("columnheader").filter(has_text=re.compile(name)).get_by_role("button").first
    found.focus()
    return found


def order(page):
    return page.get_by_role("columnheader").evaluate_all("all => all.map((one) => one.dataset.key).filter(Boolean)")


@does("A column's head", "Enter", COLUMNS)
def sort(page):
    head(page, "loss")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("sort=summary.loss"))


@does("A column's head", "Shift Enter", COLUMNS)
def sort_as_well(page):
    head(page, "loss")
    press(page, "Enter")
    head(page, "Name")
    page.keyboard.press("Shift+Enter")
    expect(page).to_have_url(re.compile("sort=summary.loss,name"))


@does("A column's head", "Alt ←  Alt →", COLUMNS)
def move_column(page):
    head(page, "loss")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page).to_have_url(re.compile("cols=summary.loss,config.lr"))
    page.keyboard.press("Alt+ArrowRight")
    expect(page).to_have_url(re.compile("cols=config.lr,summary.loss"))


@does("A column's head", "Shift ←  Shift →", COLUMNS)
def width(page):
    at = page.get_by_role("columnheader").filter(has_text="loss")
    head(page, "loss")
    before = at.bounding_box()["width"]
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function(
        "([one, before]) => one.getBoundingClientRect().width > before", arg=[at.element_handle(), before]
    )
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function(
        "([one, before]) => one.getBoundingClientRect().width <= before", arg=[at.element_handle(), before]
    )


@does("A column's head", "=", COLUMNS)
def fit(page):
    at = page.get_by_role("columnheader").filter(has_text="loss")
    head(page, "loss")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    before = at.bounding_box()["width"]
    page.keyboard.press("=")
    page.wait_for_function(
        "([one, before]) => one.getBoundingClientRect().width < before", arg=[at.element_handle(), before]
    )


@does("A column's head", "p", COLUMNS)
def pin(page):
    head(page, "loss")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("pin=summary.loss"))


@does("A column's head", "↓", COLUMNS)
def head_menu(page):
    head(page, "loss")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menu")).to_be_visible()


CHART = "#/runs/run1/charts"


def chart(page):
    found = page.locator("[data-metric=loss] .chart-body")
    expect(found.locator("canvas").first).to_be_visible()
    found.focus()
    return found


@does("Charts", "+  −", CHART)
def zoom(page):
    chart(page)
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    press(page, "-", "-")
    expect(page).not_to_have_url(re.compile("zoom="))


@does("Charts", "←  →", CHART)
def pan(page):
    chart(page)
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    places = [page.url]
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        expect(page).not_to_have_url(places[-1])
        places.append(page.url)


@does("Charts", "0", CHART)
def everything(page):
    chart(page)
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("zoom="))


@does("A run", "1  2  3  4  5", RUN)
def tabs(page):
    for key in "54321":
        page.keyboard.press(key)
        expect(page.get_by_role("tab").nth(int(key) - 1)).to_have_attribute("aria-selected", "true")


@does("A run", "e", RUN)
def edit(page):
    page.keyboard.press("e")
    expect(page.get_by_role("dialog", name="Edit run")).to_be_visible()


@does("A run", "/", "#/runs/run1/charts")
def filter_charts(page):
    expect(page.locator("canvas").first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Filter metrics")).to_be_focused()


CONSOLE = "#/runs/run1/console"


@does("Console", "/", CONSOLE)
def search_console(page):
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Search the console")).to_be_focused()


@does("Console", "n  N", CONSOLE)
def matches(page):
    page.get_by_role("textbox", name="Search the console").fill("needle")
    expect(page.get_by_text("1/30")).to_be_visible()
    page.get_by_role("log").focus()
    page.keyboard.press("n")
    expect(page.get_by_text("2/30")).to_be_visible()
    page.keyboard.press("Shift+N")
    expect(page.get_by_text("1/30")).to_be_visible()


@does("Console", "f", CONSOLE)
def follow(page):
    button = page.get_by_role("button", name="Follow")
    before = button.get_attribute("aria-pressed")
    page.keyboard.press("f")
    expect(button).not_to_have_attribute("aria-pressed", before)


@does("Console", "T", CONSOLE)
def times(page):
    page.keyboard.press("Shift+T")
    expect(page.locator(".console-time").first).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))


@does("Console", "c", CONSOLE)
def go_to_time(page):
    page.keyboard.press("c")
    expect(page.get_by_role("textbox", name="Go to a time")).to_be_focused()


@does("Artifacts", "/", "#/artifacts")
def filter_artifacts(page):
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Filter artifacts")).to_be_focused()


@does("Artifacts", "j  k", "#/artifacts/model")
def versions(page):
    page.keyboard.press("j")
    expect(page.locator(".version-row[aria-current]")).to_contain_text("v1")
    page.keyboard.press("k")
    expect(page.locator(".version-row[aria-current]")).to_contain_text("v2")


@does("Artifacts", "Enter", "#/artifacts")
def open_artifact(page):
    press(page, "j", "Enter")
    expect(page).to_have_url(re.compile("#/artifacts/(model|other)"))


@does("Remote", "n  /", "#/remote")
def type_server(page):
    for key in "n/":
        page.keyboard.press(key)
        server = page.get_by_role("combobox", name="Server")
        expect(server).to_be_focused()
        server.blur()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def lines_of_the_sheet(page):
    """Return its section and keys of each line, without those of the pointer."""
    found = page.locator(".help-grid section").evaluate_all(
        """all => all.flatMap(section => [...section.querySelectorAll('dl > div')].map(line =>
            [section.querySelector('h3').textContent,
             [...line.querySelectorAll('kbd')].map(key => key.textContent).join('  ')]))"""
    )
    return [tuple(line) for line in found if not re.search("(?i)drag|click|wheel", line[1])]


def test_every_line_of_the_sheet_is_tried(browser, served):
    with visit(browser, f"http://localhost:{served.port}/#/runs") as visited:
        page = visited.page
        expect(page.get_by_role("link", name="run-0")).to_be_visible()
        page.keyboard.press("?")
        expect(page.locator(".help-grid")).to_be_visible()
        assert sorted(lines_of_the_sheet(page)) == sorted(CHECKS)


@pytest.mark.parametrize("line", CHECKS, ids=" ".join)
def test_a_line_of_the_sheet_is_true(browser, served, line):
    place, check = CHECKS[line]
    with visit(browser, f"http://localhost:{served.port}/{place}") as visited:
        expect(visited.page.locator("main").first).to_be_visible()
        visited.page.wait_for_timeout(500)
        check(visited.page)
        assert visited.complaints == []


def test_the_width_of_the_table_is_changed_by_keys(browser, served):
    with visit(browser, f"http://localhost:{served.port}/#/runs") as visited:
        page = visited.page
        divider = page.get_by_role("separator", name="Width of the table")
        before = int(divider.get_attribute("aria-valuenow"))
        divider.focus()
        press(page, "ArrowRight", "ArrowRight")
        expect(divider).to_have_attribute("aria-valuenow", str(before + 4))


def test_keys_of_the_page_are_quiet_while_a_menu_is_open(browser, served):
    with visit(browser, f"http://localhost:{served.port}/#/runs") as visited:
        page = visited.page
        page.keyboard.press("j")
        page.get_by_role("button", name=re.compile("^Actions for run-")).first.click()
        press(page, "x", "Enter")
        expect(page.get_by_role("dialog", name="Edit run")).to_be_visible()  # its first item, and no run
