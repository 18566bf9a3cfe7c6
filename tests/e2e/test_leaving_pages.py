"""What is typed on a page belongs to that page, however soon it is left; late answers do not lead anybody away."""

import re
import time

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking

import runicorn as rn


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def look(browser, root):
    for name in ("alpha", "beta"):
        with rn.init("here", name=name, id=name, root=root, system_metrics=False) as run:
            run.log({"loss": 1.0})
    with looking(browser, root) as (_, look):
        yield look


def answer_late(page, method):
    """Hold requests of this method for run alpha back for a second."""

    def hold(route):
        if route.request.method == method:
            time.sleep(1)
        route.continue_()

    page.route("**/api/runs/alpha", hold)


def test_a_filter_typed_right_before_a_run_is_opened_stays_with_the_list(look):
    page = look("#/runs")
    link = page.get_by_role("link", name="alpha")
    expect(link).to_be_visible()
    page.get_by_role("combobox", name="Filter runs").fill("alp")
    link.click()
    expect(page.get_by_role("heading", name="alpha")).to_be_visible()
    page.wait_for_timeout(500)
    assert page.url.endswith("#/runs/alpha/charts")
    page.go_back()
    expect(page.get_by_role("combobox", name="Filter runs")).to_have_value("alp")
    expect(page.get_by_role("grid", name="Runs")).to_have_attribute("aria-rowcount", "2")


@pytest.mark.parametrize("way", ["key", "double click", "g a", "address"])
def test_no_way_of_leaving_takes_the_filter_along(look, way):
    page = look("#/runs")
    row = page.locator("#run-beta")
    expect(row).to_be_visible()
    row.click(position={"x": 400, "y": 10})
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill("bet")
    if way == "key":
        box.blur()
        page.keyboard.press("Enter")
    elif way == "double click":
        row.dblclick(position={"x": 400, "y": 10})
    elif way == "g a":
        box.blur()
        page.keyboard.press("g")
        page.keyboard.press("a")
    else:
        page.evaluate("location.hash = '#/runs/beta/console'")
    page.wait_for_timeout(600)
    assert re.search(r"#/(runs/beta/\w+|artifacts)$", page.url), page.url


def test_the_back_button_drops_what_was_typed_for_the_place_that_is_left(look):
    page = look("#/runs")
    page.get_by_role("link", name="alpha").click()
    expect(page.get_by_role("heading", name="alpha")).to_be_visible()
    page.get_by_role("link", name="Back to the runs").click()
    page.get_by_role("combobox", name="Filter runs").fill("bet")
    page.evaluate("history.back()")
    page.wait_for_timeout(600)
    assert page.url.endswith("#/runs/alpha/charts")


def test_typing_on_while_a_filter_is_written_loses_no_letter(look):
    page = look("#/runs")
    box = page.get_by_role("combobox", name="Filter runs")
    for letter in "name:alpha beta":
        box.press_sequentially(letter)
        time.sleep(0.19)
    expect(box).to_have_value("name:alpha beta")
    page.wait_for_timeout(400)
    assert "alpha" in page.url
    expect(box).to_have_value("name:alpha beta")


def test_a_late_answer_to_deleting_a_run_leads_nobody_away(look):
    page = look("#/runs/alpha/overview")
    answer_late(page, "DELETE")
    page.get_by_role("button", name="Actions for alpha").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.evaluate("location.hash = '#/runs/beta/overview'")
    expect(page.get_by_text("Deleted alpha.")).to_be_visible()
    assert page.url.endswith("#/runs/beta/overview")


def test_a_late_answer_to_renaming_closes_no_other_editor(look):
    page = look("#/runs")
    expect(page.locator("[data-metric=loss]")).to_have_attribute("data-points", "2")
    answer_late(page, "PATCH")
    page.locator("#run-alpha").click(position={"x": 400, "y": 10})
    page.keyboard.press("e")
    page.get_by_role("textbox", name="Name").fill("alpha two")
    page.get_by_role("button", name="Save").click()
    page.keyboard.press("Escape")
    page.locator("#run-beta").click(position={"x": 400, "y": 10})
    page.keyboard.press("e")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("beta")
    expect(page.locator("#run-alpha")).to_contain_text("alpha two")
    page.wait_for_timeout(300)
    expect(page.get_by_role("textbox", name="Name")).to_have_value("beta")
