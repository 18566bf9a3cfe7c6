"""Columns of the table of runs: chosen, put in order, resized, pinned, sorted by; numbers as they are."""

import re

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking
from tests.support.sweeps import write_run, write_sweep
from tests.support.tables import choose, column, head, head_button, heads, names, params, shows

COLS = "cols=state,config.lr,min.train/loss,best.val/acc"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("columns") / "root"
    write_sweep(root, 40)
    return root


@pytest.fixture
def look(browser, root):
    with looking(browser, root) as (_, look):
        yield look


def only_table(page):
    page.get_by_role("radio", name="Only the table").click()
    return page


def test_columns_of_config_metrics_tags_and_notes_are_chosen_and_remembered(look):
    page = only_table(look("#/runs"))
    shows(page, 40)
    page.get_by_role("button", name="Columns").click()
    search = page.get_by_role("textbox", name="Search columns")
    for label in ("mean val/acc", "max train/loss", "Tags", "Note", "wd"):
        search.fill(label)
        page.locator(".columns-list").get_by_role("checkbox", name=label, exact=True).check()
    page.keyboard.press("Escape")
    wanted = ["mean.val/acc", "max.train/loss", "tags", "note", "config.wd"]
    assert heads(page)[-5:] == wanted
    assert all(float(text) < 1 for text in column(page, "mean.val/acc"))
    assert {"1e-4", "5e-4"} == set(column(page, "config.wd"))
    assert params(page)["cols"].endswith(",".join(wanted))
    # A page without them in its address shows what was chosen before.
    page.goto(page.url.partition("#")[0] + "#/artifacts")
    page.goto(page.url.partition("#")[0] + "#/runs")
    shows(page, 40)
    assert heads(page)[-5:] == wanted
    assert params(page)["cols"].endswith(",".join(wanted))
    # So does one of a project below.
    page.get_by_title("vision/resnet", exact=True).click()
    page.wait_for_function("() => location.hash.includes('p=vision/resnet') && location.hash.includes('cols=')")
    assert heads(page)[-5:] == wanted
    page.get_by_role("button", name="All runs").click()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Back to the default").click()
    page.keyboard.press("Escape")
    expect(head(page, "config.wd")).to_have_count(0)


def test_columns_are_put_in_order_by_dragging_and_by_keys(look):
    page = only_table(look(f"#/runs?{COLS}"))
    shows(page, 40)
    source, target = head_button(page, "best.val/acc").bounding_box(), head(page, "config.lr").bounding_box()
    page.mouse.move(source["x"] + 10, source["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + 60, target["y"] + 10, steps=8)
    expect(head(page, "config.lr")).to_have_class(re.compile(r"\bdrop\b"))
    page.mouse.up()
    assert heads(page) == ["name", "state", "best.val/acc", "config.lr", "min.train/loss"]
    assert "sort" not in params(page)  # a drag is no click
    head_button(page, "state").focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowRight")
    assert heads(page) == ["name", "best.val/acc", "config.lr", "state", "min.train/loss"]
    expect(head_button(page, "state")).to_be_focused()
    assert params(page)["cols"] == "best.val/acc,config.lr,state,min.train/loss"


def test_columns_are_resized_by_their_edge_and_by_keys_and_fit_by_a_double_click(look):
    page = only_table(look(f"#/runs?{COLS}"))
    shows(page, 40)
    before = head(page, "name").bounding_box()["width"]
    edge = head(page, "name").locator(".resize-handle").bounding_box()
    page.mouse.move(edge["x"] + 3, edge["y"] + 8)
    page.mouse.down()
    page.mouse.move(edge["x"] + 123, edge["y"] + 8, steps=6)
    page.mouse.up()
    page.wait_for_function(
        "w => Math.abs(document.querySelector('[data-column=name]').offsetWidth - w) < 3", arg=before + 120
    )
    assert page.locator(".row .name-own").first.evaluate("one => one.scrollWidth <= one.clientWidth")
    head_button(page, "config.lr").focus()
    width = head(page, "config.lr").bounding_box()["width"]
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert head(page, "config.lr").bounding_box()["width"] == pytest.approx(width + 32, abs=2)
    page.reload()
    shows(page, 40)
    assert head(page, "config.lr").bounding_box()["width"] == pytest.approx(width + 32, abs=2)
    head(page, "config.lr").locator(".resize-handle").dblclick()
    fitted = head(page, "config.lr").bounding_box()["width"]
    assert 44 <= fitted < width + 32
    cells = page.locator('.row [data-key="config.lr"] .ellipsis')
    assert cells.evaluate_all("all => all.every((one) => one.scrollWidth <= one.clientWidth)")


def test_pinned_columns_stay_while_the_others_are_scrolled_sideways(look):
    page = look(f"#/runs?{COLS},mean.val/acc,max.val/acc,duration,project,tags,created", width=1000)
    shows(page, 40)
    head(page, "best.val/acc").hover()
    head(page, "best.val/acc").get_by_role("button", name="Column best val/acc").click()
    choose(page, "Pin to the left")
    assert heads(page)[:3] == ["name", "best.val/acc", "state"]
    assert params(page)["pin"] == "best.val/acc"
    table = page.locator(".table-scroll")
    before = head(page, "best.val/acc").bounding_box()["x"], head(page, "name").bounding_box()["x"]
    table.evaluate("box => { box.scrollLeft = 300 }")
    after = head(page, "best.val/acc").bounding_box()["x"], head(page, "name").bounding_box()["x"]
    assert after == before
    cell = page.locator('.row [data-key="best.val/acc"]').first.bounding_box()
    assert cell["x"] == pytest.approx(after[0], abs=1)
    head_button(page, "best.val/acc").focus()
    page.keyboard.press("p")
    assert "pin" not in params(page)


def test_runs_are_sorted_by_several_columns_whose_order_is_shown(look):
    page = only_table(look(f"#/runs?{COLS}"))
    shows(page, 40)
    head_button(page, "config.lr").click()
    head_button(page, "min.train/loss").click(modifiers=["Shift"])
    expect(page.locator(".table-head .sort-place")).to_have_text(["1", "2"])
    assert params(page)["sort"] == "config.lr,min.train/loss"
    page.wait_for_function("() => document.querySelector('.table-scroll').ariaBusy === 'false'")
    pairs = list(zip(map(float, column(page, "config.lr")), map(float, column(page, "min.train/loss")), strict=True))
    assert pairs == sorted(pairs)
    assert len({rate for rate, _ in pairs}) > 1
    head_button(page, "min.train/loss").focus()
    page.keyboard.press("Shift+Enter")
    expect(head(page, "min.train/loss")).to_have_attribute("aria-sort", "descending")
    page.wait_for_function("() => document.querySelector('.table-scroll').ariaBusy === 'false'")
    pairs = list(zip(map(float, column(page, "config.lr")), map(float, column(page, "min.train/loss")), strict=True))
    assert pairs == sorted(pairs, key=lambda pair: (pair[0], -pair[1]))


def test_the_best_value_is_that_of_the_goal_and_what_is_not_known_is_empty(look, root):
    write_run(
        root,
        "20300101-000000-000001",
        {"project": "goals", "name": "recorded before", "created_at": "2030-01-01T00:00:00Z", "config": {}},
        {"train/loss": [3.0, 1.0, 2.0], "val/acc": [0.5, 0.9, 0.7]},
        sums=False,
    )
    page = only_table(
        look("#/runs?p=goals&cols=last.val/acc,min.val/acc,max.val/acc,mean.val/acc,best.val/acc,best.train/loss")
    )
    shows(page, 1)
    texts = [
        column(page, key)[0] for key in ("last.val/acc", "min.val/acc", "max.val/acc", "mean.val/acc", "best.val/acc")
    ]
    assert texts == ["0.7", "0.5", "0.9", "–", "–"]
    page.goto(
        page.url.partition("#")[0]
        + "#/runs?p=vision/resnet&cols=max.val/acc,best.val/acc,min.train/loss,best.train/loss"
    )
    shows(page, 40)
    assert column(page, "best.val/acc") == column(page, "max.val/acc")
    assert column(page, "best.train/loss") == column(page, "min.train/loss")


def test_numbers_are_shown_as_they_are_and_those_in_texts_sort_as_numbers(look, root):
    values = [
        (1, 0.99995, 20240115),
        (2, 1, 123456789),
        (3, 0.999951, 9007199254740993),
        (4, 12345678, 9007199254740992),
    ]
    for number, score, seed in values:
        write_run(
            root,
            f"20300202-000000-00000{number}",
            {
                "project": "numbers",
                "name": f"n{number}",
                "created_at": f"2030-02-02T00:00:0{number}Z",
                "config": {"lr": [None, 0.5, "1e-3", "0.01", 2][number], "seed": seed},
            },
            {"score": [score]},
        )
    page = only_table(look("#/runs?p=numbers&cols=config.lr,config.seed,summary.score&sort=config.lr&order=asc"))
    shows(page, 4)
    assert names(page) == ["n2", "n3", "n1", "n4"]
    assert column(page, "config.lr") == ["1e-3", "0.01", "0.5", "2"]
    assert column(page, "config.seed") == ["123456789", "9007199254740993", "20240115", "9007199254740992"]
    assert column(page, "summary.score") == ["1", "0.999951", "0.99995", "12345678"]
    page.get_by_role("combobox", name="Filter runs").fill("config.lr < 0.1")
    shows(page, 2)
    assert names(page) == ["n2", "n3"]
