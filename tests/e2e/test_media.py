"""What a run logs besides numbers, on its page: each kind as what it is, live, and nothing of it as markup."""

import contextlib

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support.browser import visit
from tests.support.serving import run_viewer

import runicorn as rn

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def run(root):
    opened = rn.init("media", name="calm-fox", root=root, system_metrics=False)
    yield opened
    opened.finish()


def check(visitor):
    """Chromium says so when it stops a script in the sandbox of a logged page, which is what it should do."""
    complaints = [text for text in visitor.complaints if "Blocked script execution in 'about:srcdoc'" not in text]
    assert complaints == []
    assert "owned" not in visitor.page.title()


@pytest.fixture
def page(browser, root, run, tmp_path):
    """Return what opens a tab of the run's page."""
    with contextlib.ExitStack() as stack:
        viewer = stack.enter_context(run_viewer(root, tmp_path / "home"))

        def open_tab(tab):
            visitor = stack.enter_context(visit(browser, f"http://localhost:{viewer.port}/#/runs/{run.id}/{tab}"))
            stack.callback(lambda: check(visitor))
            return visitor.page

        yield open_tab


def picture(value):
    return rn.Image(np.full((8, 12, 3), value, np.uint8), caption=f"grey {value}")


def size(image):
    """Return width and height of a picture once it is loaded; it has its place on the page before that."""
    return image.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])")


def card(page, key):
    return page.locator(".media-card").filter(has=page.get_by_role("heading", name=key, exact=True))


def test_each_kind_is_shown_as_what_it_is(page, run):
    table = rn.Table(["id", "score", "face"], [[1, 0.5, picture(9)], [2, float("nan"), picture(8)]])
    wave = np.sin(np.arange(800) / 8)
    run.log(
        {
            "picture": picture(100), "sound": rn.Audio(wave, 8000), "words": rn.Text(HOSTILE), "table": table,
            "weights": rn.Histogram(np_histogram=([1, 2, 4], [0, 1, 2, 3])),
            "page": rn.Html("<h2>Report</h2><script>parent.document.title = 'owned'</script>"),
            "walk": rn.Video(np.zeros((3, 3, 8, 8), np.uint8)), "loss": 0.5,
        },
        step=3,
    )  # fmt: skip
    tab = page("media")
    image = card(tab, "picture").get_by_role("img", name="grey 100")
    expect(image).to_be_visible()
    assert size(image) == [12, 8]
    expect(card(tab, "picture")).to_contain_text("step 3")
    expect(card(tab, "sound").locator("audio")).to_be_visible()
    assert size(card(tab, "walk").get_by_role("img")) == [8, 8]
    expect(card(tab, "words")).to_contain_text(HOSTILE)
    expect(card(tab, "weights").locator("rect")).to_have_count(3)
    expect(card(tab, "weights").get_by_role("img", name="weights: 7 values from 0 to 3")).to_be_visible()
    rows = card(tab, "table").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("NaN")
    inner = card(tab, "page").frame_locator("iframe")
    expect(inner.get_by_role("heading", name="Report")).to_be_visible()
    expect(tab).to_have_title("✓ calm-fox · Runicorn" if not run.is_open else "▶ calm-fox · Runicorn")


def test_new_steps_come_live_and_a_chosen_step_stays(page, run):
    run.log({"picture": picture(10)}, step=1)
    tab = page("media")
    shown = card(tab, "picture")
    expect(shown).to_contain_text("step 1")
    run.log({"picture": picture(20)}, step=2)
    expect(shown).to_contain_text("step 2")
    expect(shown.get_by_role("img", name="grey 20")).to_be_visible()
    slider = shown.get_by_role("slider")
    slider.focus()
    tab.keyboard.press("Home")
    expect(shown.get_by_role("img", name="grey 10")).to_be_visible()
    run.log({"picture": picture(30), "fresh": rn.Text("new key")}, step=3)
    expect(card(tab, "fresh")).to_be_visible()
    expect(shown).to_contain_text("step 1")
    tab.keyboard.press("End")
    expect(shown.get_by_role("img", name="grey 30")).to_be_visible()


def test_alerts_stand_in_the_overview_and_system_metrics_apart(page, root, run):
    run.alert("Loss diverged", HOSTILE, level="error")
    run.log({"loss": 1.0})
    run.finish()
    (run.dir / "system.keys").write_text('"system/cpu_percent"\n')
    data = (run.dir / "metrics.bin").read_bytes()
    (run.dir / "system.bin").write_bytes(data)
    tab = page("overview")
    alerts = tab.get_by_role("region", name="Alerts")
    expect(alerts).to_contain_text("Loss diverged")
    expect(alerts).to_contain_text(HOSTILE)
    expect(tab.get_by_role("link", name="system/cpu_percent")).to_have_count(0)
    tab.get_by_role("tab", name="System").click()
    expect(tab.locator("[data-metric='system/cpu_percent']")).to_be_visible()
    tab.get_by_role("tab", name="Charts").click()
    expect(tab.locator("[data-metric='loss']")).to_be_visible()
    expect(tab.locator("[data-metric='system/cpu_percent']")).to_have_count(0)


def test_tensorboards_event_files_are_runs_with_media(browser, tmp_path):
    from tensorboardX import SummaryWriter

    logs = tmp_path / "logs"
    writer = SummaryWriter(str(logs / "first"))
    pixels = np.zeros((3, 8, 12), np.uint8)
    writer.add_scalar("loss", 0.25, 7)
    writer.add_image("sample", pixels, 7)
    writer.add_text("note", "hello from elsewhere", 7)
    writer.add_histogram("weights", np.arange(100.0), 7)
    writer.close()  # its flush() leaves in a queue what is no scalar
    before = sorted(path.name for path in logs.rglob("*"))
    with (
        run_viewer(logs, tmp_path / "home") as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/runs") as visitor,
    ):
        tab = visitor.page
        tab.get_by_role("link", name="first").first.click()
        expect(tab.get_by_text("loss", exact=True).first).to_be_visible()
        tab.get_by_role("tab", name="Media").click()
        expect(card(tab, "sample").get_by_role("img")).to_be_visible()
        expect(card(tab, "weights").locator("rect").first).to_be_attached()
        writer = SummaryWriter(str(logs / "second"))
        writer.add_text("later", "still growing", 8)
        writer.close()
        tab.go_back()
        tab.get_by_role("link", name="Runs", exact=True).first.click()
        tab.get_by_role("link", name="second").first.click()
        tab.get_by_role("tab", name="Media").click()
        expect(tab.get_by_text("still growing")).to_be_visible()
        assert visitor.complaints == []
    assert len(list(logs.rglob("*"))) == len(before) + 2
