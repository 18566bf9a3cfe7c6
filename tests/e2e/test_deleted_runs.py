"""A run that is deleted, here or elsewhere: its open page says so at once, stays readable, and brings it back."""

import shutil

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking, points_of

import runicorn as rn

BIN = "This run is in the bin"
GONE = "This run is not in the storage root any more."


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def run(root):
    with rn.init("here", name="calm-fox", id="fox", root=root, system_metrics=False) as opened:
        opened.log({"loss": 1.0})
        yield opened


@pytest.fixture
def opened(browser, root, run):
    with looking(browser, root) as opened:
        yield opened


def note(page):
    return page.get_by_role("status").filter(has_text="This run")


def expect_live(page):
    expect(page.locator(".note")).to_have_count(0)
    expect(page.locator(".run-head")).to_contain_text("running")
    expect(page).to_have_title("▶ calm-fox · Runicorn")


def expect_deleted(page):
    expect(note(page)).to_contain_text(BIN)
    expect(page.locator(".run-head")).to_contain_text("deleted")
    expect(page.locator(".run-head .state-running")).to_have_count(0)
    expect(page).to_have_title("calm-fox · Runicorn")


def test_a_run_deleted_in_another_window_says_so_and_comes_back(opened):
    viewer, look = opened
    here, there = look("#/runs/fox/charts"), look("#/runs")
    expect_live(here)
    there.locator("#run-fox").hover()
    there.get_by_role("button", name="Actions for calm-fox").click()
    there.get_by_role("menuitem", name="Delete").click()
    expect_deleted(here)
    expect(points_of(here, "loss")).to_have_attribute("data-points", "1")  # still readable
    here.get_by_role("button", name="Restore").click()
    expect_live(here)
    expect(there.locator("#run-fox")).to_be_visible()
    assert viewer.get("/api/runs/fox").json()["deleted_at"] is None


def test_a_run_restored_in_another_window_is_live_again(opened, run):
    viewer, look = opened
    page = look("#/runs/fox/charts")
    viewer.client.delete("/api/runs/fox")
    expect_deleted(page)
    viewer.client.post("/api/runs/fox/restore")
    expect_live(page)
    run.log({"loss": 2.0})
    expect(points_of(page, "loss")).to_have_attribute("data-points", "2")


def test_a_run_that_was_deleted_before_its_page_is_opened_says_so(opened):
    viewer, look = opened
    viewer.client.delete("/api/runs/fox")
    page = look("#/runs/fox/overview")
    expect_deleted(page)
    page.get_by_role("button", name="Actions for calm-fox").click()
    expect(page.get_by_role("menuitem", name="Delete")).to_have_count(0)
    page.get_by_role("menuitem", name="Restore").click()
    expect_live(page)


def test_a_run_whose_folder_is_taken_away_stays_readable(opened, run):
    _, look = opened
    run.finish()
    page = look("#/runs/fox/charts")
    expect(points_of(page, "loss")).to_have_attribute("data-points", "1")
    shutil.rmtree(run.dir)
    expect(note(page)).to_contain_text(GONE)
    expect(points_of(page, "loss")).to_have_attribute("data-points", "1")
    expect(page.get_by_role("button", name="Restore")).to_have_count(0)


@pytest.mark.usefixtures("run")
def test_a_selection_with_a_deleted_run_says_so_and_brings_it_back(opened, root):
    viewer, look = opened
    with rn.init("here", id="other", root=root, system_metrics=False):
        pass
    page = look("#/runs?sel=fox,other")
    expect(points_of(page, "loss")).to_have_attribute("data-points", "1")
    viewer.client.delete("/api/runs/fox")
    expect(page.locator(".note")).to_contain_text("1 of the 2 selected runs is in the bin.")
    page.get_by_role("button", name="Restore").click()
    expect(page.locator(".note")).to_have_count(0)
    viewer.client.delete("/api/runs/fox")
    page.get_by_role("button", name="Drop it").click()
    expect(page.locator(".note")).to_have_count(0)
    assert page.url.endswith("#/runs?sel=other")
