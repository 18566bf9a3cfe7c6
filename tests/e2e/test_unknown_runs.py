"""Runs in the address that are not there: the others live on, the page says what is missing, and takes what comes."""

import re
import shutil

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking, points_of

import runicorn as rn

REFUSAL = {"detail": "No.", "code": "INVALID_REQUEST", "hint": ""}
LIVE = re.compile("^live$")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def run(root):
    with rn.init("here", name="good", id="good", root=root, system_metrics=False) as opened:
        opened.log({"loss": 1.0})
        yield opened


@pytest.fixture
def look(browser, root, run):
    with looking(browser, root) as (_, look):
        yield look


def state_of(page):
    return page.locator(".link-state")


def assert_live(page, run, points):
    """What is logged now is drawn soon, and nothing says that nobody answers."""
    expect(points_of(page, "loss")).to_have_attribute("data-points", str(points))
    run.log({"loss": 0.5})
    expect(points_of(page, "loss")).to_have_attribute("data-points", str(points + 1))
    expect(state_of(page)).to_have_text(LIVE)


def test_one_unknown_run_in_the_address_leaves_the_others_live(look, run):
    page = look("#/runs?sel=good,unknown")
    note = page.get_by_role("status").filter(has_text="selected runs")
    expect(note).to_contain_text("1 of the 2 selected runs is not here.")
    assert_live(page, run, 1)
    page.wait_for_timeout(2500)  # longer than a page waits before it says that nobody answers
    assert_live(page, run, 2)
    page.get_by_role("button", name="Drop it").click()
    expect(page.locator(".note")).to_have_count(0)
    assert page.url.endswith("#/runs?sel=good")
    assert_live(page, run, 3)


def test_a_run_that_comes_later_is_drawn_and_grows(look, run, root):
    page = look("#/runs?sel=good,early")
    expect(page.locator(".note")).to_contain_text("not here")
    with rn.init("here", id="early", root=root, system_metrics=False) as early:
        early.log({"other": 1.0})
        expect(points_of(page, "other")).to_have_attribute("data-points", "1")
        expect(page.locator(".note")).to_have_count(0)
        early.log({"other": 2.0})
        expect(points_of(page, "other")).to_have_attribute("data-points", "2")


def test_the_page_of_a_run_that_comes_later_fills_by_itself(look, root, run):
    page = look("#/runs/early")
    expect(page.get_by_role("heading", name="This run is not here")).to_be_visible()
    expect(state_of(page)).to_have_text(LIVE)
    with rn.init("here", name="at last", id="early", root=root, system_metrics=False) as early:
        early.log({"loss": 1.0})
        expect(page.get_by_role("heading", name="at last")).to_be_visible()
        assert_live(page, early, 1)


def test_of_ten_runs_one_taken_away_takes_no_curve_of_the_others(look, root):
    ids = ["good"]
    for number in range(9):
        with rn.init("here", id=f"run{number}", root=root, system_metrics=False) as other:
            other.log({"loss": 1.0})
        ids.append(other.id)
    run = rn.init("here", id="good", root=root, resume="must", system_metrics=False)  # it is the last one opened
    page = look(f"#/runs?sel={','.join(ids)}")
    expect(points_of(page, "loss")).to_have_attribute("data-points", "10")
    shutil.rmtree(other.dir)
    expect(page.locator(".note")).to_contain_text("1 of the 10 selected runs is not here.")
    assert_live(page, run, 10)
    page.reload()
    expect(page.locator(".note")).to_contain_text("1 of the 10 selected runs is not here.")
    assert_live(page, run, 10)  # without the one point of the run that is gone
    run.finish()


def test_more_runs_than_can_be_followed_are_said_and_the_first_are_live(look, run):
    page = look(f"#/runs?sel=good,{','.join(f'none{number}' for number in range(1100))}")
    expect(page.get_by_text("The first 1,000 of the 1,101 selected runs are drawn.")).to_be_visible()
    expect(page.get_by_text("999 of the 1,101 selected runs are not here.")).to_be_visible(timeout=60_000)
    assert_live(page, run, 1)


def test_a_stream_that_is_refused_is_not_called_no_answer(look, run):
    page = look("about:blank")
    page.route(
        "**/api/live?*",
        lambda route: route.fulfill(status=422, json=REFUSAL),
    )
    page.goto(page.url.replace("about:blank", "#/runs?sel=good"))
    page.reload()
    expect(state_of(page)).to_contain_text("Not live: the viewer refused the stream (INVALID_REQUEST)")
    expect(points_of(page, "loss")).to_have_attribute("data-points", "1")
    page.wait_for_timeout(2500)
    expect(page.get_by_text("No answer")).to_have_count(0)
    expect(page.locator(".content.is-stale")).to_have_count(0)
    page.unroute("**/api/live?*")
    page.get_by_role("button", name="Retry now").click()
    assert_live(page, run, 1)


def test_a_cursor_that_is_refused_is_let_go_and_nothing_is_missed(look, run):
    page = look("#/runs?sel=good")
    assert_live(page, run, 1)
    page.route(
        "**/api/live?*cursor=*",
        lambda route: route.fulfill(status=400, json=REFUSAL),
    )
    page.goto(page.url.replace("sel=good", "sel=good,unknown"))  # one run more: the stream begins anew
    run.log({"loss": 0.1})
    assert_live(page, run, 3)
