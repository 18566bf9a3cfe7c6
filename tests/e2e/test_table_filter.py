"""The filter above the table: the language, completion, mistakes at their place, terms made by a click on a cell."""

import re

import pytest
from playwright.sync_api import expect
from tests.support.sweeps import write_sweep
from tests.support.tables import choose, column, filter_box, names, params, row_of, shows

COLS = "cols=state,config.lr,config.opt.name,tags,created"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("filter") / "root"
    write_sweep(root)
    return root


# What is typed, and the same said of a run as the API sends it.
QUERIES = {
    "config.lr < 0.01": lambda run: run["config"]["lr"] < 0.01,
    "config.lr = 0.1 or config.lr = 0.003": lambda run: run["config"]["lr"] in (0.1, 0.003),
    "(config.lr = 0.1 or config.lr = 0.003) and not config.seed > 0": lambda run: (
        run["config"]["lr"] in (0.1, 0.003) and run["config"]["seed"] == 0
    ),
    "name ~ bs(64|128)-.*s[01]$": lambda run: run["config"]["batch_size"] < 256 and run["config"]["seed"] < 2,
    "name !~ lr0.0": lambda run: run["config"]["lr"] == 0.1,
    "config.wd <= 1e-4": lambda run: run["config"]["wd"] == "1e-4",
    "created < 2026-11-02": lambda run: run["created_at"] < "2026-11-02",
    "created = 2026-11-02 and duration > 30m": lambda run: (
        run["created_at"].startswith("2026-11-02") and run["duration_secs"] > 1800
    ),
    "duration >= 58m30s": lambda run: run["duration_secs"] >= 3510,
    "min.train/loss < 0.29 and best.val/acc > 0.928": lambda run: (
        run["stats"]["min.train/loss"] < 0.29 and run["stats"]["best.val/acc"] > 0.928
    ),
    "tag:baseline or state:failed": lambda run: "baseline" in run["tags"] or run["state"] == "failed",
    "tags ~ ^sweep and config.seed = 0": lambda run: "sweep-3" in run["tags"] and run["config"]["seed"] == 0,
}


def test_runs_are_found_by_what_is_typed(looked):
    viewer, look = looked
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    runs = viewer.get("/api/runs", limit=200, column=["min.train/loss", "best.val/acc"]).json()["runs"]
    for query, holds in QUERIES.items():
        amount = sum(map(holds, runs))
        assert 0 < amount < 120, query
        filter_box(page).fill(query)
        filter_box(page).press("Enter")
        shows(page, amount)
        expect(page.locator(".runs-count")).to_have_text(f"{amount} of 120")
        assert params(page)["q"] == query


def test_a_mistake_is_pointed_at_and_the_rows_stay(look):
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    for query, at in (
        ("config.lr < 0.01 and", 20),
        ("(config.lr < 1 or x", 0),
        ('name ~ "res[net"', 15),
        ("created > soon", 10),
    ):
        filter_box(page).fill(query)
        error = page.locator("#filter-error")
        expect(error).to_contain_text(f"at character {at + 1} of the query")
        expect(error.locator("pre")).to_have_text(re.compile(re.escape(query)))
        mark = error.locator(".caret").bounding_box()
        begin = error.locator("pre").bounding_box()
        width = error.locator("pre").evaluate(
            """box => {
                const probe = document.createElement('span');
                probe.textContent = 'm'.repeat(20);
                box.append(probe);
                const { width } = probe.getBoundingClientRect();
                probe.remove();
                return width / 20;
            }"""
        )
        assert mark["x"] - begin["x"] == pytest.approx(at * width, abs=2)
        assert mark["y"] > begin["y"]
        expect(filter_box(page)).to_have_attribute("aria-invalid", "true")
        assert len(names(page)) > 20


@pytest.mark.parametrize("width", [1440, 390])
def test_an_address_with_a_mistake_says_so_and_counts_nothing(look, width):
    page = look("#/runs?q=config.lr <<", width=width)
    error = page.locator("#filter-error")
    expect(error).to_contain_text("at character 12 of the query")
    heading = page.get_by_role("heading", name="The filter cannot be read")
    expect(heading).to_be_visible()
    under = error.bounding_box()
    assert heading.bounding_box()["y"] >= under["y"] + under["height"]
    expect(page.locator(".sidebar .projects .count")).to_have_count(0)
    page.get_by_role("button", name="Show all runs").click()
    shows(page, 120)
    assert params(page) == {}


def test_names_and_values_are_completed_by_keys_and_by_a_click(look):
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    page.keyboard.press("/")
    page.keyboard.type("config.op")
    options = page.get_by_role("option")
    expect(options.first).to_have_text("config.opt.name")
    page.keyboard.press("Tab")
    expect(filter_box(page)).to_have_value("config.opt.name ")
    page.keyboard.type("= s")
    expect(options).to_have_text([re.compile("^sgd")])
    page.keyboard.press("ArrowDown")
    expect(filter_box(page)).to_have_attribute("aria-activedescendant", "filter-choice-0")
    page.keyboard.press("Enter")
    expect(filter_box(page)).to_have_value("config.opt.name = sgd ")
    shows(page, 30)
    page.keyboard.type("and tag:")
    expect(options).to_have_text([re.compile("^sweep-3"), re.compile("^baseline")])
    options.last.click()
    shows(page, 1)
    expect(filter_box(page)).to_be_focused()
    filter_box(page).fill("min.va")
    expect(options).to_have_text(["min.val/acc"])
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(filter_box(page)).to_have_value("min.va")


def test_a_click_on_a_cell_offers_only_this_and_not_this(look):
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    name = names(page)[0]
    cell = row_of(page, name).locator('[data-key="config.lr"]')
    cell.click()
    cell.get_by_role("button", name=f"Filter by lr of {name}").click()
    choose(page, "Only 0.003")
    shows(page, 30)
    assert set(column(page, "config.lr")) == {"0.003"}
    expect(filter_box(page)).to_have_value("config.lr = 0.003")
    row_of(page, name).locator('[data-key="state"]').click(button="right")
    choose(page, "Not finished")
    shows(page, 1)
    expect(filter_box(page)).to_have_value("config.lr = 0.003 and not state:finished")
    page.go_back()
    shows(page, 30)


def test_a_cell_is_reached_by_keys(look):
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    for key in ("j", "l", "l", "f"):
        page.keyboard.press(key)
    item = page.get_by_role("menuitem").first
    expect(item).to_be_focused()
    expect(item).to_have_text("Only 0.003")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    shows(page, 90)
    assert "0.003" not in column(page, "config.lr")


def test_runs_without_a_value_are_found_by_the_empty_cell(look):
    page = look("#/runs?cols=config.missing,config.lr&q=config.seed = 0")
    shows(page, 24)
    row_of(page, names(page)[0]).locator('[data-key="config.missing"]').click(button="right")
    choose(page, "Only runs without it")
    expect(filter_box(page)).to_have_value("config.seed = 0 and not config.missing ~ ^")
    shows(page, 24)
    filter_box(page).fill("not config.lr ~ ^")
    expect(page.get_by_text("No run matches")).to_be_visible()


def test_an_expression_that_would_hang_others_is_answered_at_once(look):
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    filter_box(page).fill('name ~ "^([a-z]+)+$"')
    expect(page.get_by_text("No run matches")).to_be_visible(timeout=3000)
