"""Charts of many runs in a real browser, used as a person would."""

import csv
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support.drawn_sweeps import write_run, write_sweep
from tests.support.looking import looking, points_of
from tests.support.waiting import eventually

import runicorn as rn


def curves(lr, seed, number):
    steps = np.arange(400)
    loss = 2 * np.exp(-steps * lr / 10) + 0.01 * seed
    return {
        "train/loss": (steps, loss),
        "val/loss": (steps[::10], loss[::10] + 0.1),
        "epoch": (steps, steps // 40),
        "lr": (steps, lr * (1 - steps / 400)),
        "test_acc": (steps[-1:], [0.5 + lr + seed / 100]),
    }


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def look(browser, root):
    with looking(browser, root) as (_, open_page):
        yield open_page


@pytest.fixture
def sweep(root):
    definitions = [{"name": "val/*", "step_metric": "epoch", "summary": [], "goal": "minimize", "hidden": False}]
    return write_sweep(root, curves, metric_definitions=definitions)


def chosen(ids, **params):
    return "#/runs?" + "&".join([f"sel={','.join(ids)}", *(f"{name}={value}" for name, value in params.items())])


def painted(chart):
    """Return how often the lines of a chart were painted."""
    return int(chart.locator(".chart-frame").get_attribute("data-painted") or 0)


COUNT_PIXELS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((_, at) => at % 4 === 3).reduce((count, alpha) => count + (alpha > 0), 0);
}"""


def colours(chart, layer="chart-lines"):
    """Return how many pixels of a layer are painted."""
    return chart.locator(f"canvas.{layer}").evaluate(COUNT_PIXELS)


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_all_lines_come_in_one_request_and_moving_the_pointer_paints_no_line_again(look, sweep):
    page = look("#/artifacts")
    asked = []
    page.on("request", lambda request: asked.append(request.url.split("/api/")[-1].split("?")[0]))
    page.goto(page.url.split("#")[0] + chosen(sweep))
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-points", str(400 * 15))
    expect(points_of(page, "lr")).to_have_attribute("data-points", str(400 * 15))
    assert asked.count("metrics") == 1
    assert not [each for each in asked if each.startswith(("series", "runs/"))]
    # The charts in sight come at once; one more that was scrolled to may have come after them.
    assert asked.count("lines") <= 2
    before = painted(chart)
    box = chart.locator(".chart-over").bounding_box()
    for step in range(30):
        page.mouse.move(box["x"] + 20 + step * 5, box["y"] + 20 + step)
    expect(chart.locator(".chart-tooltip")).to_be_visible()
    assert painted(chart) == before
    assert colours(chart, "chart-top") > 0


def test_the_line_that_is_pointed_at_is_brought_out_in_the_chart_the_legend_and_the_table(look, sweep):
    page = look(chosen(sweep))
    chart = points_of(page, "train/loss")
    other = points_of(page, "val/loss")
    expect(chart).to_have_attribute("data-complete", "true")
    expect(other).to_have_attribute("data-complete", "true")
    lines = chart.locator("canvas.chart-lines")

    def brings_out(of, wanted):
        faded = "0.3" if wanted else "1"
        expect(of.locator("canvas.chart-lines")).to_have_css("opacity", faded)
        eventually(lambda: (colours(of, "chart-top") > 0) == wanted, what="the line on top")

    brings_out(chart, wanted=False)
    page.locator(".row", has=page.locator(".colour-box[aria-checked=true]")).nth(3).hover()
    brings_out(chart, wanted=True)
    brings_out(other, wanted=True)  # the same run in all of the charts
    page.get_by_role("button", name="Columns").hover()
    brings_out(chart, wanted=False)
    brings_out(other, wanted=False)
    box = chart.locator(".chart-over").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2)
    expect(lines).to_have_css("opacity", "0.3")
    expect(page.locator(".row.lit")).to_have_count(1)
    chart.get_by_role("button", name="Enlarge train/loss").click()
    large = page.get_by_role("dialog")
    large.locator(".legend-item").nth(4).hover()
    brings_out(large, wanted=True)


def test_what_others_share_is_no_first_chart_and_counters_come_last(look, sweep):
    page = look(chosen(sweep))
    expect(points_of(page, "train/loss")).to_be_visible()
    order = page.locator(".chart").evaluate_all("all => all.map((one) => one.dataset.metric)")
    assert order[0] == "test_acc"
    assert order[-1] == "epoch"
    sizes = page.locator(".chart").evaluate_all("all => all.map((one) => Math.round(one.clientWidth))")
    assert len(set(sizes)) == 1


def test_single_values_are_bars(look, sweep):
    page = look(chosen(sweep))
    bars = points_of(page, "test_acc").locator(".chart-bar")
    expect(bars).to_have_count(15)
    expect(bars.first).to_contain_text("0.6")


def test_a_metric_is_drawn_over_what_its_script_says_and_over_what_a_person_chooses(look, sweep):
    page = look(chosen(sweep))
    chart = points_of(page, "val/loss")
    chart.evaluate("one => one.scrollIntoView()")
    expect(chart.locator(".chart-title")).to_contain_text("over epoch")
    expect(chart).to_have_attribute("data-points", str(40 * 15))
    chart.locator(".chart-over").hover()
    expect(chart.locator(".chart-tooltip-x")).to_have_text(re.compile(r"^\d$"))  # of ten epochs
    chart.get_by_role("button", name="More of loss").click()
    page.get_by_role("menuitem", name="Horizontal axis…").click()
    page.get_by_role("option", name="The axis of all charts", exact=True).click()
    expect(chart.locator(".chart-title")).not_to_contain_text("over")
    chart.locator(".chart-over").hover()
    expect(chart.locator(".chart-tooltip-x")).to_contain_text("step")
    train = points_of(page, "train/loss")
    train.get_by_role("button", name="More of loss").click()
    page.get_by_role("menuitem", name="Horizontal axis…").click()
    page.get_by_role("searchbox", name="Search metrics").fill("lr")
    page.get_by_role("option", name="lr", exact=True).click()
    expect(train.locator(".chart-title")).to_contain_text("over lr")
    page.reload()
    expect(train.locator(".chart-title")).to_contain_text("over lr")


def test_several_metrics_in_one_chart(look, sweep):
    page = look(chosen(sweep[:2]))
    chart = points_of(page, "train/loss")
    chart.get_by_role("button", name="More of loss").click()
    page.get_by_role("menuitem", name="Metrics in this chart…").click()
    page.get_by_role("checkbox", name="val/loss").check()
    page.get_by_role("button", name="Done").click()
    expect(chart).to_have_attribute("data-points", str(440 * 2))
    chart.locator(".chart-over").hover()
    expect(chart.locator(".chart-tooltip-row")).to_have_count(4)
    expect(chart.locator(".chart-tooltip")).to_contain_text("val/loss")


@pytest.mark.parametrize("band", ["std", "se", "ci95", "minmax", "quartiles"])
def test_a_group_is_one_line_with_its_band(look, sweep, band):
    page = look(chosen(sweep, group="config.lr", metrics="^(train/loss|test_acc)$"))
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-lines", "3")
    page.get_by_role("combobox", name="Band of a group").select_option(band)
    expect(chart).to_have_attribute("data-complete", "true")
    chart.locator(".chart-over").hover()
    rows = chart.locator(".chart-tooltip-row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("(5)")
    assert colours(chart) > 500
    bars = points_of(page, "test_acc").locator(".chart-bar")
    expect(bars).to_have_count(3)
    expect(bars.first.locator(".chart-whisker")).to_have_count(1)


@pytest.mark.parametrize("width", [1440, 800, 390])
def test_the_tooltip_is_in_sight_wherever_the_pointer_is(look, sweep, width):
    page = look(chosen(sweep), width=width, height=700)
    if width < 700:
        page.get_by_role("button", name="Charts", exact=True).click()
    for metric in ("train/loss", "val/loss", "lr"):
        chart = points_of(page, metric)
        for part in (0.02, 0.3, 0.49, 0.51, 0.7, 0.98):

            def point(chart=chart, part=part):
                # As long as others come it moves, and may become another one.
                chart.evaluate("chart => chart.scrollIntoView({ block: 'nearest' })")
                expect(chart).to_have_attribute("data-complete", "true")
                over = chart.locator(".chart-over").bounding_box()
                for down in (20, 21):  # what does not move is not told
                    page.mouse.move(over["x"] + part * over["width"], over["y"] + down)
                page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                return chart.locator(".chart-tooltip").count()

            eventually(point, what="the tooltip")
            tip, sight = chart.locator(".chart-tooltip").bounding_box(), page.locator(".chart-scroll").bounding_box()
            assert sight["x"] <= tip["x"], (metric, part)
            assert tip["x"] + tip["width"] <= sight["x"] + sight["width"], (metric, part)
            assert sight["y"] <= tip["y"], (metric, part)
            assert tip["y"] + tip["height"] <= sight["y"] + sight["height"], (metric, part)


def test_the_tooltip_can_be_pinned_sorted_and_searched(look, sweep):
    page = look(chosen(sweep))
    chart = points_of(page, "train/loss")
    chart.locator(".chart-over").hover()
    expect(chart.locator(".chart-tooltip")).to_contain_text("3 more")
    chart.locator(".chart-over").click()
    pinned = chart.get_by_role("dialog")
    expect(pinned.locator(".chart-tooltip-row")).to_have_count(15)
    page.mouse.move(5, 5)
    expect(pinned).to_be_visible()

    def values():
        return [float(text) for text in pinned.locator(".chart-tooltip-row > .num:not(.muted)").all_inner_texts()]

    assert values() == sorted(values(), reverse=True)
    pinned.get_by_role("button", name="Value", exact=True).click()
    assert values() == sorted(values())
    pinned.get_by_role("button", name="Name").click()
    names = pinned.locator(".split-name").evaluate_all("all => all.map((one) => one.textContent)")
    order = [f"resnet50-imagenet-lr{lr}-bs128-wd1e-4-s{seed}" for lr in (0.003, 0.03, 0.1) for seed in range(5)]
    assert names == order
    pinned.get_by_role("searchbox").fill("lr0.03-")
    expect(pinned.locator(".chart-tooltip-row")).to_have_count(5)
    page.keyboard.press("Escape")
    expect(pinned).to_have_count(0)


def test_zoom_by_drag_wheel_and_keys_refines_long_lines(look, root):
    steps = np.arange(200_000)
    write_run(root, "long", {"loss": (steps, np.sin(steps / 50))}, {"name": "long"})
    page = look("#/runs/long/charts")
    chart = points_of(page, "loss")
    expect(chart).to_have_attribute("data-points", "200000")
    over = chart.locator(".chart-over")
    box = over.bounding_box()
    middle = box["y"] + box["height"] / 2
    with page.expect_response("**/api/lines") as refined:
        drag(page, (box["x"] + 100, middle), (box["x"] + 104 + 6, middle))
    assert refined.value.request.post_data_json["from"] > 0
    expect(page).to_have_url(re.compile("zoom="))
    over.dblclick()
    expect(page).not_to_have_url(re.compile("zoom="))
    over.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    expect(page).to_have_url(re.compile("zoom="))
    chart.locator(".chart-body").focus()
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("zoom="))
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    before = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(before)


def test_what_thinned_points_lie_between_is_drawn_around_their_line(look, root):
    steps = np.arange(200_000)
    values = {"noisy": np.where(steps % 2, 1.0, -1.0), "calm": np.where(steps % 100_000, 0.0, 1.0)}
    write_run(
        root, "20261120-100000-00aaaa", {name: (steps, found) for name, found in values.items()}, {"name": "long"}
    )
    page = look(chosen(["20261120-100000-00aaaa"]))
    noisy, calm = points_of(page, "noisy"), points_of(page, "calm")
    for chart in (noisy, calm):
        expect(chart).to_have_attribute("data-complete", "true")
    # Their mean is a line in the middle; the band fills the chart from the least to the greatest.
    eventually(lambda: colours(noisy) > 10 * colours(calm) > 0, what="the band")


def test_the_range_of_y_by_drag_and_by_numbers(look, sweep):
    page = look(chosen(sweep[:3]))
    chart = points_of(page, "train/loss")
    over = chart.locator(".chart-over")
    expect(over).to_be_visible()
    box = over.bounding_box()
    drag(page, (box["x"] - 20, box["y"] + 20), (box["x"] - 20, box["y"] + 90))
    chip = chart.get_by_title("Let y fit again")
    expect(chip).to_be_visible()
    chip.click()
    expect(chip).to_have_count(0)
    chart.get_by_role("button", name="More of loss").click()
    page.get_by_role("menuitem", name="Range of y…").click()
    page.get_by_role("textbox", name="From").fill("3")
    page.get_by_role("textbox", name="To").fill("x")
    expect(page.get_by_role("alert")).to_have_text("Both ends must be numbers.")
    expect(page.get_by_role("button", name="Set", exact=True)).to_be_disabled()
    page.get_by_role("textbox", name="To").fill("1")
    expect(page.get_by_role("alert")).to_contain_text("must be less")
    page.get_by_role("textbox", name="From").fill("0.5")
    page.keyboard.press("Enter")
    expect(chip).to_contain_text("0.5 – 1")
    page.reload()
    expect(chip).to_contain_text("0.5 – 1")


def test_logarithmic_axes_outliers_and_smoothing_stand_in_the_address(look, root):
    steps = np.arange(1000)
    values = 1 + np.sin(steps / 30) * 0.1
    values[500] = 1e9
    write_run(root, "spiked", {"loss": (steps, values)}, {"name": "spiked"})
    page = look("#/runs/spiked/charts")
    chart = points_of(page, "loss")
    expect(chart.locator(".chart-over")).to_be_visible()
    flat = colours(chart)
    page.get_by_role("button", name="More chart settings").click()
    page.get_by_role("checkbox", name="Cut outliers off").check()
    expect(page).to_have_url(re.compile("cut=1"))
    page.wait_for_function(
        f"before => ({COUNT_PIXELS})(document.querySelector('.chart-lines')) > 1.5 * before", arg=flat
    )
    page.get_by_role("checkbox", name="Logarithmic x").check()
    expect(page).to_have_url(re.compile("logx=1"))
    page.get_by_role("radio", name="Gauss").click()
    expect(page).to_have_url(re.compile("smooth=gaussian-"))
    page.get_by_role("radio", name="Mean").click()
    expect(page).to_have_url(re.compile("smooth=mean-"))
    page.keyboard.press("Escape")
    chart.locator(".chart-over").hover()
    expect(chart.locator(".chart-tooltip .num.muted").first).to_be_visible()


def test_steps_that_a_resume_overwrote_are_hidden_until_they_are_asked_for(look, root):
    steps = np.concatenate([np.arange(100), np.arange(60, 120)])
    write_run(root, "resumed", {"loss": (steps, np.where(np.arange(160) < 100, 1.0, 2.0))}, {"name": "resumed"})
    page = look("#/runs/resumed/charts")
    chart = points_of(page, "loss")
    expect(chart).to_have_attribute("data-points", "120")
    chart.get_by_role("button", name="40 overwritten").click()
    expect(chart).to_have_attribute("data-points", "160")
    page.get_by_role("button", name="More chart settings").click()
    page.get_by_role("checkbox", name="Show overwritten steps").uncheck()
    expect(chart).to_have_attribute("data-points", "120")


def test_the_labels_of_an_axis_are_in_one_unit(look, root):
    steps = np.arange(100)
    write_run(root, "small", {"loss": (steps, steps * 1.2e-5)}, {"name": "small"})
    page = look("#/runs/small/charts")
    chart = points_of(page, "loss")
    expect(chart.locator(".chart-over")).to_be_visible()
    with page.expect_download() as download:
        chart.get_by_role("button", name="More of loss").click()
        page.get_by_role("menuitem", name="Save as SVG").click()
    svg = download.value.path().read_text()
    labels = re.findall(r'text-anchor="end"[^>]*>([^<]+)<', svg)
    assert "0.001" in labels
    assert not [label for label in labels if "e" in label]


def test_charts_are_moved_pinned_widened_and_hidden_and_that_is_remembered(look, sweep):
    page = look(chosen(sweep[:2]))
    expect(points_of(page, "lr")).to_be_visible()

    def order():
        return page.locator(".chart").evaluate_all("all => all.map((one) => one.dataset.metric)")

    def choose(metric, item):
        points_of(page, metric).get_by_role("button", name="More of").click()
        page.get_by_role("menuitem", name=item, exact=True).click()

    assert order()[:2] == ["test_acc", "lr"]
    choose("lr", "Move before")
    expect(page.locator(".chart").first).to_have_attribute("data-metric", "lr")
    handle = points_of(page, "test_acc").locator(".chart-handle")
    points_of(page, "test_acc").hover()
    handle.drag_to(points_of(page, "lr"))
    expect(page.locator(".chart").first).to_have_attribute("data-metric", "test_acc")
    choose("train/loss", "Pin to the top")
    expect(page.locator(".chart").first).to_have_attribute("data-metric", "train/loss")
    # Where it was moved to, it is another element, which is put in place of its room in a moment.
    before = points_of(page, "train/loss").evaluate("one => one.getBoundingClientRect().width")
    choose("train/loss", "Twice as wide")
    page.wait_for_function(
        """before => document.querySelector('[data-metric="train/loss"]').clientWidth > 1.9 * before""", arg=before
    )
    choose("lr", "Hide")
    expect(points_of(page, "lr")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(points_of(page, "lr")).to_have_count(1)
    choose("lr", "Hide")
    page.reload()
    expect(page.locator(".chart").first).to_have_attribute("data-metric", "train/loss")
    expect(points_of(page, "lr")).to_have_count(0)
    page.get_by_role("button", name="More chart settings").click()
    page.get_by_role("button", name="Show 1 hidden chart").click()
    expect(points_of(page, "lr")).to_have_count(1)


def test_a_legend_names_the_lines_and_hides_them(look, sweep):
    page = look(chosen(sweep[:4], metrics="train/loss"))
    page.get_by_role("button", name="More chart settings").click()
    page.get_by_role("checkbox", name="Legend").check()
    page.keyboard.press("Escape")
    chart = points_of(page, "train/loss")
    items = chart.locator(".legend-item")
    expect(items).to_have_count(4)
    expect(items.first).to_contain_text("s0")
    items.first.click()
    expect(chart).to_have_attribute("data-points", "1200")
    expect(items.first).to_have_attribute("aria-pressed", "false")
    items.first.click()
    expect(chart).to_have_attribute("data-points", "1600")


def test_a_chart_is_saved_as_png_svg_and_csv(look, sweep):
    page = look(chosen(sweep[:3]))
    chart = points_of(page, "train/loss")
    expect(chart).to_have_attribute("data-points", "1200")
    saved = {}
    for ending in ("png", "svg", "csv"):
        with page.expect_download() as download:
            chart.get_by_role("button", name="More of loss").click()
            page.get_by_role("menuitem", name=f"Save as {ending.upper()}").click()
        assert download.value.suggested_filename == f"train-loss.{ending}"
        saved[ending] = download.value.path().read_bytes()
    assert saved["png"].startswith(b"\x89PNG\r\n")
    assert len(saved["png"]) > 5000
    svg = saved["svg"].decode()
    assert svg.count("<path") >= 3
    assert "resnet50-imagenet-lr0.1-bs128-wd1e-4-s2" in svg
    rows = list(csv.DictReader(io.StringIO(saved["csv"].decode())))
    assert len(rows) == 1200
    assert {row["run"] for row in rows} == set(sweep[:3])
    assert float(rows[1]["y"]) == pytest.approx(2 * np.exp(-0.1 / 10))


def test_live_points_are_put_behind_a_thinned_line_and_a_resume_takes_its_place(look, root):
    with rn.init(root=root, name="live", system_metrics=False) as run:
        for step in range(5000):
            run.log({"loss": step / 5000}, step=step)
        page = look(f"#/runs/{run.id}/charts")
        chart = points_of(page, "loss")
        expect(chart).to_have_attribute("data-points", "5000")
        for step in range(5000, 5100):
            run.log({"loss": 1.0}, step=step)
        expect(chart).to_have_attribute("data-points", "5100")
        expect(chart).to_have_attribute("data-last-step", "5099")
        for step in range(4000, 4500):
            run.log({"loss": 0.0}, step=step)
        expect(chart).to_have_attribute("data-points", "4500")
