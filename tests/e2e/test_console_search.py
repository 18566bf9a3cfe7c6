"""Searching all that a run printed, far beyond what the page holds; and when it was printed."""

import re
import time

import pytest
from playwright.sync_api import expect
from tests.support.looking import looking

import runicorn as rn
from runicorn.storage.console_times import encode

LINES = 300_000
BEGAN = 1_795_000_000  # a line a second from here on


def line(number):
    level = "\x1b[31mERROR\x1b[0m" if number % 50_000 == 7 else "INFO"
    return f"{level} epoch {number // 1000:4d} step {number:8d} loss 0.{number % 997:03d}"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A run of 300,000 lines whose times were kept, and an older one without them."""
    root = tmp_path_factory.mktemp("search") / "root"
    for name in ("long", "older"):
        with rn.init("here", name=name, id=name, root=root, console=False, system_metrics=False) as run:
            offset, texts, times = 0, [], []
            for number in range(LINES if name == "long" else 500):
                times.append(encode(BEGAN + number, offset))
                texts.append((line(number) + "\n").encode())
                offset += len(texts[-1])
            (run.dir / "console.log").write_bytes(b"".join(texts))
            if name == "long":
                (run.dir / "console.times").write_bytes(b"".join(times))
    return root


@pytest.fixture
def look(browser, root):
    with looking(browser, root) as (_, look):
        yield look


@pytest.fixture
def console(look):
    page = look("#/runs/long/console")
    expect(log(page)).to_contain_text(f"step {LINES - 1:8d}")
    return page


def log(page):
    return page.get_by_role("log")


def field(page):
    return page.get_by_role("textbox", name="Search the console")


def current(page):
    return log(page).locator(".console-line.current")


def is_in_sight(locator):
    return locator.evaluate(
        """line => { const box = line.closest('[role=log]').getBoundingClientRect(), at = line.getBoundingClientRect();
                     return at.top >= box.top && at.bottom <= box.bottom }"""
    )


def test_the_true_number_of_lines_is_shown(console):
    expect(console.locator(".console-size")).to_contain_text("300,000 lines")
    expect(console.locator(".console-size")).not_to_contain_text("at least")


def test_what_lies_far_away_is_found_and_gone_to(console):
    field(console).fill("step   123456 ")
    expect(console.get_by_text("1/1")).to_be_visible()
    expect(current(console)).to_contain_text("epoch  123 step   123456")
    assert is_in_sight(current(console))
    expect(current(console).locator(".hit")).to_have_text("step   123456 ")


def test_enter_goes_from_match_to_match_through_the_whole_and_round(console):
    """Escape codes lie within the words; they hide nothing."""
    field(console).fill("error epoch")
    expect(console.get_by_text("1/6")).to_be_visible()
    expect(current(console)).to_contain_text("step        7 ")
    for number in (50_007, 100_007, 150_007, 200_007, 250_007, 7):
        console.keyboard.press("Enter")
        expect(current(console)).to_contain_text(f"step {number:8d} ")
        assert is_in_sight(current(console))
    console.keyboard.press("Shift+Enter")
    expect(current(console)).to_contain_text("step   250007 ")
    expect(console.get_by_text("6/6")).to_be_visible()


def test_n_goes_on_where_nothing_is_typed(console):
    field(console).fill("error")
    expect(current(console)).to_contain_text("step        7 ")
    log(console).focus()
    console.keyboard.press("n")
    expect(current(console)).to_contain_text("step    50007 ")
    console.keyboard.press("Shift+N")
    expect(current(console)).to_contain_text("step        7 ")
    console.keyboard.press("/")
    expect(field(console)).to_be_focused()


def test_the_last_of_very_many_matches_is_one_key_away(console):
    field(console).fill("info")
    expect(console.get_by_text(f"1/{LINES - 6:,}", exact=True)).to_be_visible(timeout=30_000)  # all lines are counted
    console.keyboard.press("Shift+Enter")
    expect(current(console)).to_contain_text(f"step {LINES - 1:8d}", timeout=30_000)
    expect(console.get_by_text(f"{LINES - 6:,}/{LINES - 6:,}")).to_be_visible()
    console.keyboard.press("Shift+Enter")
    expect(current(console)).to_contain_text(f"step {LINES - 2:8d}")


def test_regular_expressions_case_and_their_errors(console):
    field(console).fill(r"step +12345\d ")
    expect(console.get_by_text("none")).to_be_visible()
    console.get_by_role("button", name="Regular expression").click()
    expect(console.get_by_text("1/10")).to_be_visible()
    expect(current(console).locator(".hit")).to_have_text("step   123450 ")
    field(console).fill("step (")
    expect(console.get_by_role("alert")).to_contain_text("no regular expression")
    field(console).fill("ERROR")
    expect(console.get_by_role("alert")).to_have_count(0)
    expect(console.get_by_text("1/6")).to_be_visible()
    field(console).fill("error")
    expect(console.get_by_text("1/6")).to_be_visible()
    console.get_by_role("button", name="Match case").click()
    expect(console.get_by_text("none")).to_be_visible()


def test_what_an_expression_matches_is_marked_wherever_one_scrolls(console):
    console.get_by_role("button", name="Regular expression").click()
    field(console).fill(r"loss 0\.\d5")
    expect(current(console).locator(".hit")).to_have_count(1)
    console.get_by_role("button", name="Go to the end").click()
    last = log(console).locator(".console-line", has_text=f"step {LINES - 6:8d} ")  # loss 0.895
    expect(log(console)).to_contain_text(f"step {LINES - 1:8d}")
    marked = log(console).locator(".console-line:has(.hit)")
    expect(marked.first).to_be_visible()
    assert all(re.search(r"loss 0\.\d5", text) for text in marked.all_inner_texts())
    assert last.count() == 1


def test_what_is_printed_meanwhile_is_found_too(look, root):
    with rn.init("here", name="live", id="live", root=root, console=False, system_metrics=False) as run:
        log_file = run.dir / "console.log"
        log_file.write_text("a needle\n" + "hay\n" * 1000)
        page = look("#/runs/live/console")
        expect(log(page)).to_contain_text("hay")
        field(page).fill("needle")
        expect(page.get_by_text("1/1")).to_be_visible()
        with log_file.open("a") as file:
            file.write("another needle\n")
        expect(page.get_by_text("1/2")).to_be_visible()
        page.keyboard.press("Enter")
        expect(current(page)).to_contain_text("another needle")
        expect(page.locator(".console-size")).to_contain_text("1,002 lines")


def test_each_line_says_when_it_was_written(console):
    console.get_by_role("button", name="Times").click()
    last = log(console).locator(".console-line", has_text=f"step {LINES - 1:8d}")
    expect(last.locator(".console-time")).to_have_text(clock(console, BEGAN + LINES - 1))
    field(console).fill("step    40000 ")
    expect(current(console).locator(".console-time")).to_have_text(clock(console, BEGAN + 40_000))


def test_one_can_go_to_a_time(console):
    console.keyboard.press("c")
    box = console.get_by_role("textbox", name="Go to a time")
    expect(box).to_be_focused()
    box.fill("soon")
    console.keyboard.press("Enter")
    expect(console.get_by_text("Not a time")).to_be_visible()
    box.fill("+10h 30m")
    console.keyboard.press("Enter")
    expect(current(console)).to_contain_text(f"step {37_800:8d} ")
    assert is_in_sight(current(console))
    expect(box).to_have_count(0)


def test_a_link_leads_to_what_was_looked_for_and_to_a_moment(console, look):
    field(console).fill("ERROR epoch")
    console.get_by_role("button", name="Match case").click()
    expect(console).to_have_url(re.compile(r"console\?find=ERROR%20epoch&case=1"))
    again = look("#" + console.url.split("#")[1])
    expect(again.get_by_text("1/6")).to_be_visible()
    expect(current(again)).to_contain_text("step        7 ")
    field(console).press("Escape")
    expect(field(console)).to_have_value("")
    log(console).focus()
    console.keyboard.press("c")
    console.get_by_role("textbox", name="Go to a time").fill("+2h")
    console.keyboard.press("Enter")
    expect(current(console)).to_contain_text("step     7200 ")
    expect(console).to_have_url(re.compile(r"t=2026-"))
    there = look("#" + console.url.split("#")[1])
    expect(current(there)).to_contain_text("step     7200 ")


def test_an_older_run_says_that_its_times_are_not_known(look):
    page = look("#/runs/older/console")
    expect(log(page)).to_contain_text("step      499")
    page.keyboard.press("Shift+T")
    expect(page.get_by_text("When lines were written is not known")).to_be_visible()
    page.get_by_role("button", name="Go to a time").click()
    expect(page.get_by_role("dialog", name="Go to a time")).to_contain_text("not known of this run")


def test_a_run_that_prints_now_is_timed_as_it_goes(look, root, script_print):
    page = look("#/runs/now/console")
    expect(log(page)).to_contain_text("printed now")
    page.keyboard.press("Shift+T")
    first = log(page).locator(".console-line", has_text="printed now").locator(".console-time")
    expect(first).to_have_text(re.compile(r"\d+:\d\d:\d\d"))


@pytest.fixture
def script_print(root):
    with rn.init("here", name="now", id="now", root=root, system_metrics=False):
        print("printed now")
        time.sleep(0.1)
        yield


def clock(page, seconds):
    return page.evaluate("ms => new Date(ms).toTimeString().slice(0, 8)", seconds * 1000)
