"""Many runs at once: all that match, tags, archive, bin, colours, hidden from charts; each is taken back."""

import re
import shutil

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking
from tests.support.sweeps import write_sweep
from tests.support.tables import filter_box, grid, names, params, row_of, shows

AMOUNT = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("bulk") / "root"
    write_sweep(root, AMOUNT)
    return root


@pytest.fixture
def looked(browser, made, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(made, root)
    with looking(browser, root) as (viewer, look):
        yield viewer, look


def bar(page):
    return page.get_by_role("toolbar", name="Selected runs")


def toast(page, text):
    return page.locator(".toast").filter(has_text=text)


def count(viewer, **params):
    return viewer.get("/api/runs", **params).json()["total"]


def test_all_that_match_are_selected_also_those_that_are_not_loaded_and_tagged(looked):
    viewer, look = looked
    page = look("#/runs?q=config.lr = 0.1")
    shows(page, 30)
    page.keyboard.press("a")
    expect(bar(page)).to_contain_text("30 selected")
    assert params(page)["sel"] == "all"
    bar(page).get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Tags").fill("keep, night run")
    page.get_by_role("dialog").get_by_role("button", name="Tag", exact=True).click()
    expect(toast(page, "Tagged 30 runs with keep, night run.")).to_be_visible()
    assert count(viewer, q='tag:keep tag:"night run"') == 30
    toast(page, "Tagged 30 runs").get_by_role("button", name="Undo").click()
    expect(toast(page, "Took it back for 30 runs.")).to_be_visible()
    assert count(viewer, q="tag:keep") == 0
    bar(page).get_by_role("button", name="Untag").click()
    page.get_by_role("textbox", name="Tags").fill("sweep-3")
    page.keyboard.press("Enter")
    expect(toast(page, "Removed sweep-3 from 9 runs.")).to_be_visible()
    assert count(viewer, q="tag:sweep-3 config.lr = 0.1") == 0
    page.keyboard.press("u")
    expect(toast(page, "Took it back for 9 runs.")).to_be_visible()
    assert count(viewer, q="tag:sweep-3 config.lr = 0.1") == 9


@pytest.mark.parametrize(("width", "lines"), [(1440, 1), (390, 2)])
def test_what_can_be_done_takes_one_line_beside_charts(looked, width, lines):
    viewer, look = looked
    some = [run["id"] for run in viewer.get("/api/runs", limit=12).json()["runs"]]
    page = look(f"#/runs?sel={','.join(some)}", width=width)
    expect(bar(page)).to_contain_text("12 selected")
    expect(bar(page).get_by_role("button", name="Select all 60")).to_be_visible()
    buttons = bar(page).get_by_role("button").all()
    assert len(buttons) == 8
    boxes = [one.bounding_box() for one in buttons]
    assert len({round(box["y"] + box["height"] / 2) for box in boxes}) == lines
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)


def test_one_request_changes_many(looked):
    _, look = looked
    page = look("#/runs?sel=all")
    expect(bar(page)).to_contain_text(f"{AMOUNT} selected")
    sent = []
    page.on("request", lambda request: sent.append(request.method) if request.method != "GET" else None)
    bar(page).get_by_role("button", name="Archive").click()
    expect(toast(page, f"Archived {AMOUNT} runs.")).to_be_visible()
    assert sent == ["PATCH"]


def test_runs_are_archived_and_brought_back(looked):
    viewer, look = looked
    page = look("#/runs")
    shows(page, AMOUNT)
    first, second = names(page)[:2]
    page.get_by_role("checkbox", name=f"Show {first} in charts").click()
    page.get_by_role("checkbox", name=f"Show {second} in charts").click()
    expect(bar(page)).to_contain_text("3 selected")
    bar(page).get_by_role("button", name="Archive").click()
    expect(toast(page, "Archived 3 runs.")).to_be_visible()
    assert count(viewer, archived=True) == 3
    shows(page, AMOUNT - 3)
    page.get_by_role("button", name="Archived", exact=True).click()
    shows(page, AMOUNT)
    page.get_by_role("button", name="Archived", exact=True).click()
    shows(page, AMOUNT - 3)
    page.keyboard.press("u")
    expect(toast(page, "Took it back for 3 runs.")).to_be_visible()
    shows(page, AMOUNT)
    assert count(viewer, archived=True) == 0


def test_runs_go_to_the_bin_are_looked_at_there_and_restored(looked):
    viewer, look = looked
    page = look("#/runs?q=config.seed = 4")
    shows(page, 12)
    page.keyboard.press("a")
    expect(bar(page)).to_contain_text("12 selected")
    bar(page).get_by_role("button", name="Delete").click()
    expect(toast(page, "Deleted 12 runs.")).to_be_visible()
    expect(page.get_by_text("No run matches")).to_be_visible()
    page.get_by_role("button", name="Bin", exact=True).click()
    shows(page, 12)
    page.keyboard.press("a")
    bar(page).get_by_role("button", name="Restore").click()
    expect(toast(page, "Restored 12 runs.")).to_be_visible()
    assert count(viewer) == AMOUNT
    page.keyboard.press("u")
    expect(toast(page, "Took it back for 12 runs.")).to_be_visible()
    assert count(viewer, deleted=True) == 12


def test_colours_are_chosen_remembered_and_taken_back(looked):
    _, look = looked
    page = look("#/runs")
    shows(page, AMOUNT)
    name = names(page)[7]
    page.get_by_role("checkbox", name=f"Show {name} in charts").click()
    box = row_of(page, name).locator(".colour-box span").first
    before = box.evaluate("one => getComputedStyle(one).backgroundColor")
    bar(page).get_by_role("button", name="Colour").click()
    page.get_by_role("button", name="Colour 4", exact=True).click()
    chosen = box.evaluate("one => getComputedStyle(one).backgroundColor")
    wanted = page.evaluate("() => getComputedStyle(document.documentElement).getPropertyValue('--run-3').trim()")
    assert chosen == "rgb({}, {}, {})".format(*(int(wanted[at : at + 2], 16) for at in (1, 3, 5)))
    page.reload()
    shows(page, AMOUNT)
    assert box.evaluate("one => getComputedStyle(one).backgroundColor") == chosen
    bar(page).get_by_role("button", name="Colour").click()
    page.get_by_role("button", name="Their own").click()
    assert box.evaluate("one => getComputedStyle(one).backgroundColor") == before
    page.keyboard.press("u")
    assert box.evaluate("one => getComputedStyle(one).backgroundColor") == chosen


def test_runs_are_hidden_from_charts_and_shown_again(looked):
    _, look = looked
    page = look("#/runs?sel=all&q=config.seed = 0")
    expect(bar(page)).to_contain_text("12 selected")
    bar(page).get_by_role("button", name="Hide from charts").click()
    expect(page.locator(".colour-box.is-hidden")).to_have_count(12)
    expect(page.get_by_text("All chosen runs are hidden from charts")).to_be_visible()
    page.reload()
    expect(page.locator(".colour-box.is-hidden")).to_have_count(12)
    bar(page).get_by_role("button", name="Show in charts").click()
    expect(page.locator(".colour-box.is-hidden")).to_have_count(0)
    page.keyboard.press("u")
    expect(page.locator(".colour-box.is-hidden")).to_have_count(12)


def test_what_could_not_be_changed_is_told_and_the_rest_is_done(looked, tmp_path):
    viewer, look = looked
    (broken, *_) = viewer.get("/api/run-ids").json()["ids"]
    (tmp_path / "root" / "runs" / broken / "notes.json").mkdir()
    page = look("#/runs?sel=all")
    expect(bar(page)).to_contain_text(f"{AMOUNT} selected")
    bar(page).get_by_role("button", name="Archive").click()
    expect(toast(page, f"Archived {AMOUNT - 1} runs.")).to_be_visible()
    expect(toast(page, re.compile(f"1 run of {AMOUNT} could not be changed: .*{broken}"))).to_be_visible()


def test_a_range_is_selected_with_shift_and_all_but_one_can_be(looked):
    _, look = looked
    page = look("#/runs?sel=none")
    shows(page, AMOUNT)
    order = names(page)
    page.get_by_role("checkbox", name=f"Show {order[2]} in charts").click()
    page.get_by_role("checkbox", name=f"Show {order[9]} in charts").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("8 selected")
    bar(page).get_by_role("button", name=f"Select all {AMOUNT}").click()
    expect(bar(page)).to_contain_text(f"{AMOUNT} selected")
    page.get_by_role("checkbox", name=f"Show {order[3]} in charts").click()
    expect(bar(page)).to_contain_text(f"{AMOUNT - 1} selected")
    expect(row_of(page, order[3])).to_have_attribute("aria-selected", "false")
    bar(page).get_by_role("button", name="Clear the selection").click()
    expect(bar(page)).to_have_count(0)
    filter_box(page).fill("config.seed = 1")
    shows(page, 12)
    assert grid(page).count() == 1
