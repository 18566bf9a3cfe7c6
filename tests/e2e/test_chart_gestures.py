"""What is done with one chart by a hand: its size, two fingers, one click that saves it."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support.drawn_sweeps import write_run
from tests.support.looking import await_drawn, looking, points_of
from tests.support.waiting import eventually

STEPS = np.arange(3000)


@pytest.fixture
def look(browser, tmp_path):
    root = tmp_path / "root"
    for number in range(3):
        series = {name: (STEPS, np.sin(STEPS / 300) + number) for name in ("loss", "acc", "f1", "auc")}
        write_run(root, f"run{number}", series, {"name": f"resnet50-imagenet-s{number}"})
    with looking(browser, root) as (_, open_page):
        yield open_page


def size(page, metric):
    return tuple(points_of(page, metric).locator(".chart-body").evaluate("one => [one.clientWidth, one.clientHeight]"))


def corner(page, metric):
    points_of(page, metric).hover()
    return page.get_by_role("button", name=f"Size of {metric}: the arrow keys change it")


def test_a_chart_is_resized_by_its_corner_and_by_keys_and_stays_so(look):
    page = look("#/runs/run0/charts")
    await_drawn(points_of(page, "loss"), 3000)
    width, height = size(page, "loss")
    box = corner(page, "loss").bounding_box()
    at = box["x"] + 6, box["y"] + 6
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] + 0.8 * width, at[1] + 130, steps=5)
    page.mouse.up()
    wide, high = size(page, "loss")
    assert wide == pytest.approx(2 * width + 16, abs=2)
    assert high == pytest.approx(height + 130, abs=2)
    canvas = points_of(page, "loss").locator("canvas.chart-lines")
    expect(canvas).to_have_js_property("clientHeight", round(high))
    page.reload()
    expect(canvas).to_have_js_property("clientHeight", round(high))
    assert size(page, "loss") == pytest.approx((wide, high), abs=2)
    assert size(page, "acc") == pytest.approx((width, height), abs=2)
    corner(page, "loss").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    expect(canvas).to_have_js_property("clientHeight", round(high) - 20)
    assert size(page, "loss")[0] == pytest.approx(width, abs=2)
    corner(page, "loss").dblclick()
    expect(canvas).to_have_js_property("clientHeight", round(height))
    # Below what is readable it does not go, nor out of the page.
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    expect(canvas).to_have_js_property("clientHeight", 90)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_sections_of_few_charts_share_a_line_until_one_is_drawn_wider(browser, tmp_path):
    """Losses, scores and a rate, as most scripts name them: one chart in each section, all of one size."""
    root = tmp_path / "root"
    names = ("train/loss", "val/acc", "lr", "grad/norm", "grad/max")
    write_run(root, "run0", {name: (STEPS, np.sin(STEPS / 300)) for name in names}, {"name": "resnet50"})
    with looking(browser, root) as (_, look):
        page = look("#/runs/run0/charts", width=1440)
        await_drawn(points_of(page, "train/loss"), 3000)

        def lines():
            """Return the metrics of each line of charts, from top to bottom."""
            found: dict[int, list[str]] = {}
            for chart in page.locator(".chart").all():
                found.setdefault(round(chart.bounding_box()["y"]), []).append(chart.get_attribute("data-metric"))
            return list(found.values())

        eventually(lambda: lines() == [["train/loss", "val/acc", "lr"], ["grad/max", "grad/norm"]], what="two lines")
        width, height = size(page, "val/acc")
        titles = [
            points_of(page, name).locator(".chart-title").bounding_box()["x"] for name in ("train/loss", "grad/max")
        ]
        assert titles[0] == titles[1]
        box = corner(page, "val/acc").bounding_box()
        at = box["x"] + 6, box["y"] + 6
        page.mouse.move(*at)
        page.mouse.down()
        page.mouse.move(at[0] + 0.8 * width, at[1], steps=5)
        wide = pytest.approx((2 * width + 16, height), abs=2)
        eventually(lambda: size(page, "val/acc") == wide, what="a wide chart while it is dragged")
        page.mouse.up()
        moved = [["train/loss", "val/acc"], ["lr", "grad/max", "grad/norm"]]
        eventually(lambda: lines() == moved, what="two other lines")
        page.reload()
        await_drawn(points_of(page, "train/loss"), 3000)
        assert size(page, "val/acc") == wide
        assert lines() == moved
        assert size(page, "train/loss") == pytest.approx((width, height), abs=2)
        page.set_viewport_size({"width": 390, "height": 844})
        eventually(lambda: [len(line) for line in lines()] == [1] * 5, what="one column")


def test_a_wide_chart_keeps_to_the_columns_that_a_narrower_window_has(look):
    page = look("#/runs/run0/charts")
    corner(page, "loss").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    for width in (1440, 1000, 700):
        page.set_viewport_size({"width": width, "height": 900})
        # The grid learns of its width by a ResizeObserver, which is told right before the next frame is painted.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        scroll = page.locator(".chart-scroll")
        assert scroll.evaluate("box => box.scrollWidth <= box.clientWidth"), width
        assert size(page, "loss")[0] <= scroll.bounding_box()["width"]


def test_two_fingers_zoom_and_one_scrolls(look):
    page = look("#/runs/run0/charts", width=390, height=844, touch=True)
    chart = points_of(page, "acc")
    await_drawn(chart, 3000)
    box = chart.locator(".chart-over").bounding_box()
    touches = page.context.new_cdp_session(page)

    def fingers(kind, *across):
        points = [{"x": box["x"] + part * box["width"], "y": box["y"] + 60, "id": number} for number, part in across]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (0, 0.4))
    fingers("touchStart", (0, 0.4), (1, 0.6))
    for part in (0.35, 0.3, 0.2):
        fingers("touchMove", (0, part), (1, 1 - part))
    fingers("touchEnd")
    # What lay under the fingers at 0.4 and 0.6 lies at 0.2 and 0.8 now.
    page.wait_for_function(
        """() => {
            const [low, high] = (new URLSearchParams(location.hash.split("?")[1]).get("zoom") ?? "").split("~");
            return Math.abs(low - 1000) < 20 && Math.abs(high - 2000) < 20;
        }"""
    )
    fingers("touchStart", (0, 0.2))
    fingers("touchStart", (0, 0.2), (1, 0.8))
    for part in (0.3, 0.4, 0.45):
        fingers("touchMove", (0, part), (1, 1 - part))
    fingers("touchEnd")
    page.wait_for_function("() => !location.hash.includes('zoom=')")
    expect(page.locator(".chart-tooltip.pinned")).to_have_count(0)
    fingers("touchStart", (0, 0.5))
    fingers("touchEnd")
    expect(page.locator(".chart-tooltip.pinned")).to_have_count(1)


def test_one_click_saves_a_chart_as_it_was_saved_last(look):
    page = look("#/runs/run0/charts")
    chart = points_of(page, "loss")
    await_drawn(chart, 3000)
    chart.hover()
    with page.expect_download() as download:
        chart.get_by_role("button", name="Save loss as PNG").click()
    assert download.value.suggested_filename == "loss.png"
    chart.get_by_role("button", name="Enlarge loss").click()
    dialog = page.get_by_role("dialog")
    for ending in ("png", "svg", "csv"):
        with page.expect_download() as download:
            dialog.get_by_role("button", name=f"Save loss as {ending.upper()}").click()
        assert download.value.suggested_filename == f"loss.{ending}"
    page.keyboard.press("Escape")
    chart.hover()
    with page.expect_download() as download:
        chart.get_by_role("button", name="Save loss as CSV").click()
    assert download.value.path().read_text().count("\n") > 1000


def test_the_line_that_is_pointed_at_is_named_beside_all_its_numbers(look):
    page = look("#/runs?sel=run0,run1,run2")
    chart = points_of(page, "loss")
    await_drawn(chart, 9000)
    chart.locator(".chart-over").hover()
    row = chart.locator(".chart-tooltip-row.nearest")
    expect(row.locator(".chart-spread")).to_be_visible()
    name = row.locator(".line-name")
    assert name.bounding_box()["width"] > 70
    assert row.locator(".chart-spread").bounding_box()["y"] >= name.bounding_box()["y"] + 18, "it takes no room from it"
    # A row without a range is one line.
    heights = chart.locator(".chart-tooltip-row:not(.nearest)").evaluate_all(
        "all => all.map((one) => one.clientHeight)"
    )
    assert heights == [18, 18]
    last = name.locator(".name-own").last
    assert re.fullmatch("s[012]", last.inner_text())
    right = last.bounding_box()["x"] + last.bounding_box()["width"]
    assert right <= name.bounding_box()["x"] + name.bounding_box()["width"] + 1
    tip = chart.locator(".chart-tooltip").bounding_box()
    assert row.locator(".chart-spread").bounding_box()["x"] >= tip["x"]
