"""The console of a run that prints a lot: the page keeps a part of it, and gives any other part when one goes there."""

import re

import pytest
from playwright.sync_api import expect
from tests.support.looking import heap_mb, hide_tab, looking

import runicorn as rn

MB = 1_000_000
LINE_BYTES = len(f"line {0:08d} {'.' * 50}\n")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def run(root):
    with rn.init("here", name="chatty", id="chatty", root=root, console=False, system_metrics=False) as opened:
        yield opened


@pytest.fixture
def look(browser, root, run):
    with looking(browser, root) as (_, look):
        yield look


class Printer:
    """Prints numbered lines of one length into a run's console."""

    def __init__(self, run):
        self.path = run.dir / "console.log"
        self.lines = 0

    def write(self, size_bytes):
        until = self.lines + size_bytes // LINE_BYTES
        with self.path.open("a") as file:
            file.write("".join(f"line {number:08d} {'.' * 50}\n" for number in range(self.lines, until)))
        self.lines = until

    @property
    def last(self):
        return f"line {self.lines - 1:08d}"


@pytest.fixture
def printer(run):
    return Printer(run)


def log(page):
    return page.get_by_role("log")


def numbers(page):
    """Return the numbers of the lines that are drawn, from the top."""
    lines = (
        log(page)
        .locator(".console-line")
        .evaluate_all(
            "all => all.map(each => [parseFloat(each.style.top), each.textContent]).sort((a, b) => a[0] - b[0])"
        )
    )
    return [int(text.split()[1]) for _, text in lines]


def first_in_sight(page):
    """Return the line at the top of what is in sight, and how far above the edge it begins."""
    return log(page).evaluate(
        """box => [...box.querySelectorAll('.console-line')]
            .map(each => [each.getBoundingClientRect().top - box.getBoundingClientRect().top, each.textContent])
            .filter(([top]) => top > -18).sort((a, b) => a[0] - b[0])[0]"""
    )


def wheel(page, by):
    log(page).hover()
    page.mouse.wheel(0, by)
    page.wait_for_timeout(100)


def test_memory_stays_bounded_however_much_is_printed(look, printer):
    printer.write(MB)
    page = look("#/runs/chatty/console")
    expect(log(page)).to_contain_text(printer.last)
    before = heap_mb(page)
    for _ in range(25):
        printer.write(MB)
        page.wait_for_timeout(150)
    expect(log(page)).to_contain_text(printer.last)
    page.wait_for_timeout(500)
    assert heap_mb(page) - before < 40  # all of it took 400 MB


def test_a_tab_that_comes_back_is_at_the_end_at_once_and_asks_for_little(look, printer):
    printer.write(MB)
    page = look("#/runs/chatty/console")
    expect(log(page)).to_contain_text(printer.last)
    asked = []
    page.on("response", lambda answer: "/console?" in answer.url and asked.append(len(answer.body())))
    hide_tab(page, True)
    printer.write(30 * MB)
    hide_tab(page, False)
    expect(log(page)).to_contain_text(printer.last)
    expect(page.get_by_text(re.compile("the last .* of 31 MB"))).to_be_visible()
    assert sum(asked) < 2 * MB
    printer.write(1000)
    expect(log(page)).to_contain_text(printer.last)


def test_scrolling_up_gives_every_line_back_and_nothing_jumps(look, printer):
    printer.write(2 * MB)
    page = look("#/runs/chatty/console")
    expect(log(page)).to_contain_text(printer.last)
    seen = first_in_sight(page)[1]
    for _ in range(400):
        wheel(page, -3000)
        drawn = numbers(page)
        assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))
        line = int(first_in_sight(page)[1].split()[1])
        assert line <= int(seen.split()[1])
        assert int(seen.split()[1]) - line <= 3000 / 18 + 2
        seen = first_in_sight(page)[1]
        if drawn[0] == 0:
            break
    assert numbers(page)[0] == 0


def test_what_somebody_reads_stays_before_them_while_more_is_printed(look, printer):
    printer.write(2 * MB)
    page = look("#/runs/chatty/console")
    expect(log(page)).to_contain_text(printer.last)
    wheel(page, -1500)
    before = first_in_sight(page)
    for _ in range(14):
        printer.write(MB)
        page.wait_for_timeout(150)
    expect(page.get_by_text("Newer output is not loaded here.")).to_be_visible()
    assert first_in_sight(page) == before
    expect(page.get_by_role("button", name="Load on")).to_have_count(0)  # that is for who has come to its end
    page.get_by_role("button", name="Go to the end").click()
    expect(log(page)).to_contain_text(printer.last)
    expect(page.get_by_text("Newer output is not loaded here.")).to_have_count(0)
    printer.write(1000)
    expect(log(page)).to_contain_text(printer.last)


def test_one_can_read_on_from_the_middle_to_the_end(look, printer):
    """What was given up behind the earlier text is loaded again as one scrolls down."""
    printer.write(7 * MB)
    page = look("#/runs/chatty/console")
    expect(log(page)).to_contain_text(printer.last)
    later = page.get_by_text("Newer output is not loaded here.")
    for _ in range(60):
        log(page).evaluate("box => { box.scrollTop = 0 }")
        page.wait_for_timeout(120)
        if later.is_visible():
            break
    expect(later).to_be_visible()
    seen = int(first_in_sight(page)[1].split()[1])
    for _ in range(60):
        log(page).evaluate("box => { box.scrollTop = box.scrollHeight }")
        page.wait_for_timeout(120)
        drawn = numbers(page)
        assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))
        assert drawn[0] >= seen - 40
        seen = drawn[0]
        if not later.is_visible():
            break
    log(page).evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(log(page)).to_contain_text(printer.last)


def test_searching_and_copying_work_on_what_is_loaded(look, printer):
    printer.write(2 * MB)
    page = look("#/runs/chatty/console")
    expect(log(page)).to_contain_text(printer.last)
    search = page.get_by_role("textbox", name="Search the console")
    wanted = f"{printer.lines - 1000:08d}"
    search.fill(wanted)
    expect(log(page).locator(".current")).to_contain_text(wanted)
    expect(page.get_by_text("1/1")).to_be_visible()
    printer.write(MB // 10)
    page.wait_for_timeout(500)
    expect(log(page).locator(".current")).to_contain_text(wanted)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy what is loaded").click()
    page.wait_for_timeout(300)
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied[-1].startswith(printer.last)
    assert len(copied) * LINE_BYTES > 200_000


def test_events_stay_bounded_and_alerts_are_kept(look, run):
    run.alert("Loss diverged", "early on")
    page = look("#/runs/chatty/media")
    events = run.dir / "events.jsonl"
    line = '{"type": "text", "key": "words", "step": %d, "time": "2026-11-23T10:00:00Z", "items": [{"text": "%s"}]}\n'
    run.log({"words": rn.Text("first")}, step=0)
    expect(page.locator(".media-card")).to_have_count(1)
    before = heap_mb(page)
    step = 0
    for _ in range(30):
        with events.open("a") as file:
            for _ in range(1000):
                step += 1
                file.write(line % (step, "x" * 900))
        page.wait_for_timeout(150)
    expect(page.locator(".media-card")).to_contain_text("step 30,000", timeout=20_000)
    expect(page.get_by_text("Only the newest are listed")).to_be_visible()
    assert heap_mb(page) - before < 40
