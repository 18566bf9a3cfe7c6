"""Rows in groups of up to three levels, with count, mean and spread; a baseline that all others are compared with."""

import re
import statistics

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking
from tests.support.sweeps import write_sweep
from tests.support.tables import choose, column, filter_box, grid, head_button, heads, names, params, row_of, shows
from tests.support.waiting import eventually

COLS = "cols=state,config.lr,min.train/loss,best.val/acc"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("groups") / "root"
    write_sweep(root)
    return root


def groups(page):
    """Return depth, value and count of the rows of groups, from top to bottom."""
    expect(page.locator(".row.group").first).to_be_visible()
    return page.locator(".row.group").evaluate_all(
        """all => {
            const text = (row, mark) => row.querySelector(mark).innerText;
            const top = (row) => row.getBoundingClientRect().top;
            const rows = [...all].sort((a, b) => top(a) - top(b));
            return rows.map((row) => [Number(row.ariaLevel), text(row, '.group-value'), Number(text(row, '.count'))]);
        }"""
    )


def test_rows_are_grouped_by_up_to_three_fields_folded_and_unfolded(look):
    page = look(f"#/runs?{COLS}")
    shows(page, 120)
    for field in ("lr", "batch_size", "wd"):
        page.get_by_role("button", name=re.compile("^Group")).click()
        page.get_by_role("textbox", name="Search fields").fill(field)
        page.get_by_role("button", name=re.compile(f"^{field}")).last.click()
        page.keyboard.press("Escape")
    shows(page, 4)
    assert params(page)["group"] == "config.lr,config.batch_size,config.wd"
    assert groups(page) == [[1, "0.003", 30], [1, "0.01", 30], [1, "0.03", 30], [1, "0.1", 30]]
    page.get_by_role("button", name="Unfold lr 0.01").click()
    shows(page, 7)
    page.get_by_role("button", name="Unfold batch_size 128").click()
    page.get_by_role("button", name="Unfold wd 5e-4").click()
    shows(page, 4 + 3 + 2 + 5)
    assert groups(page)[1:5] == [[1, "0.01", 30], [2, "64", 10], [2, "128", 10], [3, "1e-4", 5]]
    expect(page.locator(".run-link")).to_have_count(5)
    assert sorted(names(page)) == [f"resnet50-imagenet-lr0.01-bs128-wd5e-4-s{seed}" for seed in range(5)]
    address = page.url
    page.goto(address.partition("#")[0] + "#/artifacts")
    page.goto(address)
    shows(page, 14)
    page.get_by_role("button", name="Fold lr 0.01").click()
    shows(page, 4)
    page.keyboard.press("z")
    shows(page, 4 + 12 + 24 + 120)
    page.keyboard.press("z")
    shows(page, 4)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("project", [["vision/resnet", 120]]),
        ("group", [["lr0.003", 30], ["lr0.01", 30], ["lr0.03", 30], ["lr0.1", 30]]),
        ("job_type", [["train", 120]]),
        ("state", [["failed", 4], ["finished", 116]]),
        ("config.opt.name", [["adam", 90], ["sgd", 30]]),
    ],
)
def test_rows_are_grouped_by_any_of_these(look, key, found):
    page = look(f"#/runs?{COLS}&group={key}")
    shows(page, len(found))
    assert [[value, amount] for _, value, amount in groups(page)] == found
    expect(page.get_by_text("No run chosen")).to_have_count(0)


def test_groups_that_are_opened_by_their_address_have_the_results_of_the_plain_list(look):
    page = look("#/runs")
    shows(page, 120)
    usual = heads(page)
    assert {"config.lr", "summary.train/loss", "summary.val/acc"} <= set(usual)
    page = look("#/runs?group=config.lr", width=1900)
    shows(page, 4)
    eventually(lambda: set(usual) - {"config.lr"} <= set(heads(page)), what="the columns")
    assert "config.lr" not in heads(page)  # each group has it at the left
    expect(page.locator(".row.group").first.locator(".mean").last).to_contain_text("±")


@pytest.mark.parametrize("width", [1440, 390])
def test_groups_have_a_result_where_there_is_little_room(look, width):
    page = look("#/runs?group=config.lr", width=width)
    shows(page, 4)
    means = page.locator(".row.group .mean:not(:empty)")
    expect(means).to_have_count(4 * (2 if width > 1000 else 1))
    for mean in means.all():
        expect(mean).to_have_text(re.compile(r"^0\.\d+\s*± 0\.\d+$"))
        assert mean.evaluate("cell => cell.getBoundingClientRect().right <= innerWidth")


def test_groups_show_mean_and_spread_of_their_numbers(looked):
    viewer, look = looked
    page = look(f"#/runs?{COLS}&group=config.lr")
    shows(page, 4)
    runs = viewer.get("/api/runs", q="config.lr = 0.03", limit=100, column=["min.train/loss"]).json()["runs"]
    losses = [run["stats"]["min.train/loss"] for run in runs]
    cell = page.locator(".row.group").nth(2).locator(".mean").nth(2)
    expect(cell).to_have_attribute("title", re.compile(r"standard deviation .* \(n − 1\), of 30 runs"))
    mean, std = (float(text) for text in cell.inner_text().split("±"))
    assert mean == pytest.approx(statistics.mean(losses), rel=1e-3)
    assert std == pytest.approx(statistics.stdev(losses), rel=0.05)


def test_sorting_puts_the_best_group_first_and_its_best_run(look):
    page = look(f"#/runs?{COLS}&group=config.lr&fold=open")
    shows(page, 124)
    head_button(page, "min.train/loss").click()
    expect(page.locator(".row.group").first).to_contain_text("0.01")

    def losses() -> list[float]:
        return [float(text) for text in column(page, "min.train/loss")[:20]]

    # The runs of the first group come behind its row.
    eventually(lambda: (found := losses()) == sorted(found), what="the order by loss")


def test_groups_are_folded_and_chosen_by_keys(look):
    page = look(f"#/runs?{COLS}&group=tags")
    shows(page, 3)
    assert [value for _, value, _ in groups(page)] == ["baseline", "sweep-3", "none"]
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    shows(page, 6)
    box = page.locator(".row.group").first.get_by_role("checkbox")
    bulk = page.get_by_role("toolbar", name="Selected runs")
    expect(box).to_have_attribute("aria-checked", "false")  # it is drawn as all groups are, and nobody chose it
    expect(bulk).to_have_count(0)
    page.keyboard.press("x")
    expect(box).to_have_attribute("aria-checked", "true")
    expect(bulk).to_contain_text("3 selected")
    page.keyboard.press("x")
    expect(box).to_have_attribute("aria-checked", "false")
    expect(page.get_by_text("No run chosen")).to_be_visible()
    page.get_by_role("button", name="Show the first groups").click()
    expect(page.get_by_text("No run chosen")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    shows(page, 3)
    expect(page.get_by_role("treegrid", name="Runs")).to_be_visible()


def test_runs_far_down_in_groups_come_when_they_are_scrolled_to(look):
    page = look(f"#/runs?{COLS}&group=config.lr&fold=open")
    shows(page, 124)
    grid(page).evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(row_of(page, "resnet50-imagenet-lr0.1-bs64-wd1e-4-s0")).to_be_visible()
    filter_box(page).fill("config.seed = 0")
    shows(page, 28)


def test_a_pinned_baseline_stays_on_top_and_every_number_is_compared_with_it(look):
    page = look(f"#/runs?{COLS}&sort=name&order=asc")
    shows(page, 120)
    name = "resnet50-imagenet-lr0.003-bs128-wd1e-4-s1"
    row_of(page, name).hover()
    row_of(page, name).get_by_role("button", name=f"Actions for {name}").click()
    choose(page, "Pin as the baseline")
    base = page.locator("#baseline")
    expect(base).to_contain_text("bs128-wd1e-4-s1")
    value = float(base.locator('[data-key="min.train/loss"] .ellipsis').inner_text())
    cells = page.locator('.row:not(#baseline):not(.baseline) [data-key="min.train/loss"]')
    for cell in cells.all()[:8]:
        own = float(cell.locator(".ellipsis").inner_text())
        text = cell.locator(".difference").inner_text().replace("−", "-").replace("±", "")
        assert float(text) == pytest.approx(own - value, abs=6e-4)
        exact = cell.get_attribute("title")
        percent = re.search(r"\(([+−\d.]+) %\) against ", exact)[1].replace("−", "-")
        assert float(percent) == pytest.approx(100 * (own - value) / value, abs=0.2)
    at = base.bounding_box()["y"]
    grid(page).evaluate("box => { box.scrollTop = 1500 }")
    page.wait_for_timeout(200)
    assert base.bounding_box()["y"] == at
    page.keyboard.press("j")
    page.keyboard.press("b")
    expect(base).not_to_contain_text("bs128-wd1e-4-s1")
    page.keyboard.press("b")
    expect(base).to_have_count(0)


def test_a_group_grows_while_it_is_looked_at_and_nothing_that_is_open_closes(browser, tmp_path):
    root = tmp_path / "root"
    write_sweep(root, 10)
    with looking(browser, root) as (_, look):
        page = look(f"#/runs?{COLS}&group=config.seed&fold=open")
        shows(page, 15)
        assert [amount for _, _, amount in groups(page)] == [2] * 5
        write_sweep(root, 3, project="later", first_day=20)
        shows(page, 18)
        assert [amount for _, _, amount in groups(page)] == [3, 3, 3, 2, 2]


def test_who_leaves_and_comes_back_at_once_finds_the_groups(look):
    """The page that is left may be taken away only after the next one is there."""
    page = look(f"#/runs?{COLS}&group=config.lr")
    shows(page, 4)
    address = page.url
    for _ in range(25):
        page.goto(address.partition("#")[0] + "#/artifacts")
        page.goto(address)
        shows(page, 4)
