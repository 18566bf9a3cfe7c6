"""What floats above the page stays while the page underneath is alive: it moves with its button and goes with it."""

import re
import threading
import time

import pytest
from playwright.sync_api import expect
from tests.support.looking import is_beside, looking, points_of

import runicorn as rn


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def run(root):
    with rn.init("here", name="chatty", id="chatty", root=root, console=False, system_metrics=False) as opened:
        opened.log({"loss": 1.0}, step=0)
        yield opened


@pytest.fixture
def look(browser, root, run):
    with looking(browser, root) as (_, look):
        yield look


@pytest.fixture
def printing(run):
    """The run prints and logs all the time."""
    done = threading.Event()

    def work():
        step = 0
        with (run.dir / "console.log").open("a") as console:
            while not done.wait(0.05):
                step += 1
                run.log({"loss": 1 / step}, step=step)
                console.write(f"line {step}\n" * 20)
                console.flush()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def add_runs(root, amount, first=0):
    """Write runs beside the one that is open, as another process would."""
    for number in range(first, first + amount):
        folder = root / "runs" / f"20301123-1000{number:02d}-{number:06x}"
        folder.mkdir()
        (folder / "run.json").write_text(
            f'{{"format": 1, "id": "{folder.name}", "project": "here", "name": "run {number}", '
            f'"created_at": "2030-11-23T10:00:{number:02d}Z"}}'
        )


@pytest.mark.usefixtures("printing")
def test_a_menu_stays_open_while_the_console_beside_it_scrolls(look):
    page = look("#/runs/chatty/console")
    expect(page.get_by_role("log")).to_contain_text(re.compile(r"line \d{2,}"))
    button = page.get_by_role("button", name="Actions for chatty")
    button.click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    before = page.get_by_role("log").evaluate("box => box.scrollTop")
    page.wait_for_timeout(1500)
    assert page.get_by_role("log").evaluate("box => box.scrollTop") > before  # it did scroll
    assert is_beside(menu, button)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Tags")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(button).to_be_focused()


def test_a_menu_goes_with_its_row_when_rows_come_above_it_and_away_with_it(look, root):
    add_runs(root, 3)
    page = look("#/runs")
    row = page.locator("#run-chatty")
    row.hover()
    button = row.get_by_role("button", name="Actions for chatty")
    button.click()
    menu = page.get_by_role("menu")
    before = button.bounding_box()
    add_runs(root, 2, first=3)
    expect(page.get_by_role("grid", name="Runs")).to_have_attribute("aria-rowcount", "7")
    page.wait_for_timeout(300)
    assert button.bounding_box()["y"] == before["y"] + 2 * 28
    assert is_beside(menu, button)
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.set_viewport_size({"width": 1000, "height": 700})
    page.wait_for_timeout(300)
    assert is_beside(menu, button)


def test_a_menu_scrolls_with_its_list_and_closes_once_its_row_is_out_of_sight(look, root):
    add_runs(root, 50)
    page = look("#/runs?sort=created_at&order=asc")
    row = page.locator("#run-chatty")
    row.hover()
    button = row.get_by_role("button", name="Actions for chatty")
    button.click()
    menu = page.get_by_role("menu")
    grid = page.get_by_role("grid", name="Runs")
    expect(menu).to_be_visible()
    expect(grid).to_have_attribute("aria-rowcount", "52")
    at = button.bounding_box()["y"]
    grid.evaluate("box => { box.scrollTop += 10 }")
    page.wait_for_timeout(200)
    assert button.bounding_box()["y"] == at - 10
    assert is_beside(menu, button)
    grid.evaluate("box => { box.scrollTop += 400 }")
    expect(menu).to_have_count(0)


def test_the_focus_stays_in_its_row_when_the_list_is_put_in_another_order(look, root):
    add_runs(root, 5)
    page = look("#/runs?sort=name&order=asc")
    expect(page.get_by_role("grid", name="Runs")).to_have_attribute("aria-rowcount", "7")
    box = page.locator("#run-20301123-100002-000002").get_by_role("checkbox")
    box.focus()
    for name in ("0 the first", "zz the last", "b in the middle"):
        page.evaluate(
            """name => fetch('/api/runs/20301123-100002-000002', {method: 'PATCH', body: JSON.stringify({name}),
                headers: {'Content-Type': 'application/json'}})""",
            name,
        )
        expect(page.locator("#run-20301123-100002-000002")).to_contain_text(name)
        page.wait_for_timeout(2500)  # the list is put in order at most so often
        expect(box).to_be_focused()


@pytest.mark.usefixtures("printing")
def test_columns_search_and_tooltip_stay_while_a_run_logs(look):
    page = look("#/runs")
    page.get_by_role("button", name="Columns").click()
    search = page.get_by_role("textbox", name="Search columns")
    search.press_sequentially("lo", delay=400)
    page.wait_for_timeout(1000)
    expect(search).to_be_focused()
    expect(search).to_have_value("lo")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("combobox", name="Search or jump")
    palette.press_sequentially("cha", delay=300)
    page.keyboard.press("ArrowDown")
    chosen = palette.get_attribute("aria-activedescendant")
    page.wait_for_timeout(1200)
    expect(palette).to_be_focused()
    assert palette.get_attribute("aria-activedescendant") == chosen
    page.keyboard.press("Escape")
    chart = points_of(page, "loss")
    chart.locator(".chart-over").hover()
    tooltip = chart.locator(".chart-tooltip")
    expect(tooltip).to_be_visible()
    points = int(chart.get_attribute("data-points"))
    expect(chart).not_to_have_attribute("data-points", str(points))
    time.sleep(1)
    expect(tooltip).to_be_visible()
    expect(tooltip).to_contain_text(re.compile(r"step \d"))


def test_the_focus_goes_to_the_list_when_its_row_is_taken_away(look, root):
    add_runs(root, 5)
    page = look("#/runs")
    box = page.locator("#run-20301123-100002-000002").get_by_role("checkbox")
    box.focus()
    page.evaluate("fetch('/api/runs/20301123-100002-000002', {method: 'DELETE'})")
    expect(box).to_have_count(0)
    expect(page.get_by_role("grid", name="Runs")).to_be_focused()
