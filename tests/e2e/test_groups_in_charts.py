"""The groups of the table as lines of the charts beside it: whole ones unasked, in the colours that their rows have."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support.drawn_sweeps import write_run, write_sweep
from tests.support.looking import points_of
from tests.support.tables import params, shows
from tests.support.waiting import eventually

RATES = (0.003, 0.01, 0.03, 0.1)


def curves(lr, seed, number):
    steps = np.arange(60)
    return {"train/loss": (steps, np.exp(-steps * lr) + seed / 100), "val/acc": (steps[::6], lr + steps[::6] / 100)}


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    write_sweep(root, curves, lrs=RATES, seeds=30)
    return root


def box_of(page, value):
    return page.get_by_role("checkbox", name=f"Show all of lr {value} in charts")


def colour_of(locator, rule):
    return locator.evaluate(f"element => getComputedStyle(element).{rule}")


def painted_over(chart):
    """Return how many pixels are painted on top of the lines."""
    return chart.locator("canvas.chart-top").evaluate(
        """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
            .data.reduce((count, value, at) => count + (at % 4 === 3 && value > 0), 0)"""
    )


def test_all_groups_are_drawn_while_nobody_has_chosen_and_none_of_them_is_selected(look):
    page = look("#/runs?group=config.lr")
    shows(page, 4)
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-lines", "4")
    expect(page.get_by_text("The first 4 groups (120 runs) of the list")).to_be_visible()
    chart.locator(".chart-over").hover()
    for value in RATES:
        expect(chart.locator(".chart-tooltip")).to_contain_text(f"lr {value} (30)")
        expect(box_of(page, value)).to_have_attribute("aria-checked", "false")
    expect(page.get_by_role("toolbar", name="Selected runs")).to_have_count(0)
    assert params(page) == {"group": "config.lr"}


def test_the_first_group_that_is_chosen_is_the_only_one_that_is_drawn_and_selected(look):
    page = look("#/runs?group=config.lr")
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-lines", "4")
    box_of(page, "0.03").click()
    expect(chart).to_have_attribute("data-lines", "1")
    expect(page.get_by_role("toolbar", name="Selected runs")).to_contain_text("30 selected")
    box_of(page, "0.01").click()
    expect(chart).to_have_attribute("data-lines", "2")
    expect(page.get_by_role("toolbar", name="Selected runs")).to_contain_text("60 selected")
    box_of(page, "0.03").click()
    box_of(page, "0.01").click()
    expect(page.get_by_text("No run chosen")).to_be_visible()
    page.get_by_role("button", name="Show the first groups").click()
    expect(points_of(page, "train/loss")).to_have_attribute("data-lines", "4")


def test_rows_of_groups_have_the_colours_of_their_lines_and_bring_them_out(look):
    page = look("#/runs?group=config.lr")
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-lines", "4")
    rows = page.locator(".row.group")
    colours = [colour_of(box, "borderTopColor") for box in rows.locator(".colour-box span").all()]
    assert len(set(colours)) == 4
    chart.hover()
    chart.get_by_role("button", name="Enlarge train/loss").click()
    items = page.get_by_role("group", name="Legend").locator(".legend-item")
    expect(items).to_have_count(4)
    lines = {item.text_content(): colour_of(item.locator(".swatch path"), "stroke") for item in items.all()}
    assert lines == {f"lr {value} (30)": colour for value, colour in zip(RATES, colours, strict=True)}
    page.keyboard.press("Escape")
    rows.nth(2).hover()
    expect(rows.nth(2)).to_have_class(re.compile(r"\blit\b"))
    eventually(lambda: painted_over(chart) > 100, what="the line on top of the others")
    page.get_by_role("button", name="Columns").hover()
    eventually(lambda: painted_over(chart) == 0, what="nothing on top")
    page.get_by_role("button", name="Unfold lr 0.003").click()
    page.locator(".run-link").nth(3).hover()  # of a run, the line of its group
    eventually(lambda: painted_over(chart) > 100, what="the line of its group on top")


def test_where_no_charts_are_on_show_no_row_has_the_colour_of_a_line(look):
    page = look("#/runs?group=config.lr")
    box = page.locator(".row.group .colour-box span").first
    expect(box).to_have_attribute("style", re.compile("--run"))
    page.get_by_role("radio", name="Only the table").click()
    expect(box).not_to_have_attribute("style", re.compile("--run"))


def test_a_choice_in_folded_groups_asks_for_none_of_its_runs_one_by_one(look):
    page = look("#/runs?group=config.lr")
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-lines", "4")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if re.search("/api/runs/[^?]", request.url) else None)
    page.keyboard.press("a")
    for value in RATES:
        expect(box_of(page, value)).to_have_attribute("aria-checked", "true")
    expect(chart).to_have_attribute("data-lines", "4")
    page.reload()
    expect(chart).to_have_attribute("data-lines", "4")
    chart.locator(".chart-over").hover()
    expect(chart.locator(".chart-tooltip")).to_contain_text("lr 0.1 (30)")
    box_of(page, "0.1").click()
    expect(chart).to_have_attribute("data-lines", "3")
    box_of(page, "0.1").click()
    page.get_by_role("button", name=re.compile("^Group")).click()
    page.get_by_role("textbox", name="Search fields").fill("seed")
    page.get_by_role("button", name=re.compile("^seed")).last.click()
    expect(chart).to_have_attribute("data-lines", "120")
    assert asked == []


def test_more_groups_than_can_be_drawn_unasked_are_said(looked, root):
    steps = np.arange(10)
    for number in range(150):
        info = {"name": f"late-{number}", "project": "vision/sweep", "config": {"lr": 0.5 + number // 50}}
        write_run(root, f"20261121-100000-{number:06x}", {"train/loss": (steps, steps)}, info)
    page = looked[1]("#/runs?group=config.lr")
    shows(page, 7)
    expect(page.get_by_text("The first 5 groups (170 runs) of the list")).to_be_visible()
    expect(points_of(page, "train/loss")).to_have_attribute("data-lines", "5")
    expect(page.locator(".row.group").nth(6).locator(".colour-box span")).not_to_have_attribute(
        "style", re.compile("--run")
    )


def test_a_group_that_comes_is_drawn_beside_the_others(looked, root):
    page = looked[1]("#/runs?group=config.lr")
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-lines", "4")
    write_run(root, "20261122-100000-00ffff", curves(0.3, 1, 0), {"name": "new", "project": "p", "config": {"lr": 0.3}})
    shows(page, 5)
    eventually(lambda: chart.get_attribute("data-lines") == "5", what="the line of the new group")
    expect(page.get_by_text("The first 5 groups (121 runs) of the list")).to_be_visible()
