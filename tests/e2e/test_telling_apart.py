"""Numbers and runs that differ look different on the page, and a file that cannot be shown says so."""

import contextlib
import re

import pytest
from playwright.sync_api import expect
from tests.support.browser import visit
from tests.support.serving import run_viewer

import runicorn as rn

BIG = 2**63 - 1


def record(root, project, seed, beta, accuracy):
    with rn.init(
        project,
        name="version_0",
        root=root,
        system_metrics=False,
        config={"seed": seed, "beta2": beta, "big": BIG - seed},
    ) as run:
        for step in range(3):
            run.log({"acc": accuracy + step * 1e-7}, step=20240115 + step)
        return run.id


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def visits(browser, root, tmp_path):
    """Return what opens a page of the viewer; nothing may be complained of but what was announced."""
    with contextlib.ExitStack() as stack:
        viewer = stack.enter_context(run_viewer(root, tmp_path / "home"))

        def open_page(hash_path):
            return stack.enter_context(visit(browser, f"http://localhost:{viewer.port}/{hash_path}")).page

        yield open_page


def test_numbers_that_differ_look_different(root, visits):
    first = record(root, "mnist/a", 20240115, 0.99999, 0.9123456)
    record(root, "mnist/b", 20240116, 1, 0.9123457)
    page = visits("#/?cols=config.seed,config.beta2,config.big,summary.acc")
    cells = page.locator(".row .cell.numeric")
    expect(cells).to_have_count(8)
    texts = cells.all_inner_texts()
    assert {"20240115", "20240116", "0.99999", "1", str(BIG - 20240115), str(BIG - 20240116)} <= set(texts)
    assert len(set(texts)) == 8
    page = visits(f"#/runs/{first}/overview")
    config = page.locator("table.kv").first
    for text in ("20240115", "0.99999", str(BIG - 20240115)):
        expect(config.get_by_role("cell", name=text, exact=True)).to_be_visible()
    last = page.locator("table.kv.metrics td").first
    expect(last).to_have_attribute("title", re.compile(r"^0\.9123458"))


def test_runs_of_one_name_are_told_apart_in_the_table_and_in_charts(root, visits):
    record(root, "mnist/a", 1, 0.5, 0.25)
    record(root, "mnist/b", 2, 0.5, 0.5)
    page = visits("#/")
    expect(page.locator(".row .run-apart")).to_have_text(["b/", "a/"])
    chart = page.locator(".chart[data-metric='acc'] .chart-over")
    chart.hover()
    expect(page.locator(".chart-tooltip .line-name")).to_have_text(["b/version_0", "a/version_0"])


def test_a_file_that_this_browser_cannot_show_says_so_and_is_offered(root, visits, tmp_path):
    odd = tmp_path / "odd.mp4"
    odd.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200))
    picture = tmp_path / "odd.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with rn.init("media", root=root, system_metrics=False) as run:
        run.log({"film": rn.Video(str(odd)), "shot": rn.Image(str(picture))}, step=1)
    page = visits(f"#/runs/{run.id}/media")
    expect(page.get_by_text("This browser cannot play this video.")).to_be_visible()
    expect(page.get_by_text("This browser cannot show this picture.")).to_be_visible()
    for link in page.get_by_role("link", name=re.compile("^Download ")).all():
        assert link.get_attribute("download")
    assert page.locator("video").count() == 0


def test_steps_in_nanoseconds_and_values_that_hardly_differ_are_drawn(root, visits):
    began_at = 1_795_698_472_000_000_000
    with rn.init("big", root=root, system_metrics=False) as run:
        for number in range(200):
            run.log({"flat": 1e9 + 1e-3 * number}, step=began_at + number * 100_000_000)
    page = visits(f"#/runs/{run.id}")
    chart = page.locator(".chart[data-metric='flat']")
    chart.locator(".chart-over").hover()
    expect(page.locator(".chart-tooltip")).to_be_visible()
    # From the lower left to the upper right corner: the line's colour stands in most columns, and in most rows.
    columns, rows, width, height = chart.locator("canvas.chart-lines").evaluate(
        """canvas => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const columns = new Set(), rows = new Set();
            for (let y = 0; y < height; y += 1)
                for (let x = 0; x < width; x += 1) {
                    const [r, g, b, a] = data.subarray(4 * (y * width + x));
                    if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) { columns.add(x); rows.add(y); }
                }
            return [columns.size, rows.size, width, height];
        }"""
    )
    assert columns > 0.7 * width
    assert rows > 0.5 * height


# The pieces of names that are there whole, with a mark for those that are not.
WHAT_CAN_BE_READ = """all => all.map((one) => [...one.children]
    .map((part) => {
        const room = one.parentElement.getBoundingClientRect().right + 1;
        const isWhole = part.scrollWidth <= part.clientWidth + 1 && part.getBoundingClientRect().right <= room;
        return isWhole ? part.textContent : "…";
    }).join(""))"""


def test_the_long_names_of_a_sweep_can_be_told_apart(root, visits):
    names = [f"resnet50-imagenet-lr{lr}-bs256-s{seed}" for lr in (0.1, 0.03, 0.01) for seed in range(5)]
    for name in names:
        with rn.init("sweep", name=name, root=root, system_metrics=False, config={"seed": name[-1]}) as run:
            run.log({"loss": 1.5})
            run.log({"loss": 1.0})
    for name in ("tiny", "resnet50", "resnet50-imagenet-lr0.1"):  # what else a folder holds
        with rn.init("other", name=name, root=root, system_metrics=False, config={"seed": 0}) as run:
            run.log({"loss": 2.0})
    page = visits("#/?cols=config.seed,summary.loss,config.lr,project,created,duration,tags&layout=both")
    expect(page.locator(".row .split-name")).to_have_count(len(names) + 1)
    told = set(page.locator(".row .split-name").evaluate_all(WHAT_CAN_BE_READ))
    assert len(told) == len(names) + 1
    assert {text.rpartition("-")[2] for text in told} >= {f"s{seed}" for seed in range(5)}
    # To whoever copies it, or hears it read, a name is one.
    expect(page.get_by_role("link", name=names[7], exact=True)).to_be_visible()
    page.locator(".chart .chart-over").first.hover()
    lines = page.locator(".chart-tooltip .split-name")
    expect(lines.first).to_be_visible()
    told = lines.evaluate_all(WHAT_CAN_BE_READ)
    assert len(set(told)) == len(told)
    box = page.locator(".chart-tooltip").bounding_box()
    assert box["x"] + box["width"] <= page.viewport_size["width"]


def test_a_narrow_column_keeps_the_end_of_what_tells_names_apart(root, visits):
    for seed in range(3):
        for model in ("resnet50", "vit-small-patch16"):
            name = f"{model}-imagenet-lr0.03-bs256-wd1e-4-s{seed}"
            with rn.init("sweep", name=name, root=root, system_metrics=False) as run:
                run.log({"loss": seed})
    page = visits("#/?sel=none")
    expect(page.locator(".row .split-name")).to_have_count(6)
    edge = page.locator('[data-column="name"] .resize-handle').bounding_box()
    column = page.locator('[data-column="name"]').bounding_box()
    page.mouse.move(edge["x"] + 3, edge["y"] + 8)
    page.mouse.down()
    page.mouse.move(column["x"] + 150, edge["y"] + 8, steps=5)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('[data-column=name]').offsetWidth < 170")
    told = page.locator(".row .split-name").evaluate_all(WHAT_CAN_BE_READ)
    assert sorted({text[-2:] for text in told}) == ["s0", "s1", "s2"]
    assert not any("imagenet" in text or "bs256" in text for text in told)
