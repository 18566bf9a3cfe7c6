"""Where can I start, and who is where: the page of machines, on one whose GPUs do not exist."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser import visit
from tests.support.nvidia import build_driver
from tests.support.serving import Viewer, run_viewer

TRAIN = """
import sys, time
import runicorn as rn
run = rn.init(name="resnet50-imagenet-lr0.003-bs128-s0", root=sys.argv[1])
print(run.id, flush=True)
for step in range(3000):
    run.log({"loss": 1 / (step + 1)})
    time.sleep(0.1)
"""


@pytest.fixture
def training(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", TRAIN, str(tmp_path / "root")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def viewer(training: subprocess.Popen[str], tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "home").mkdir()
    environ = {"LD_LIBRARY_PATH": str(build_driver(tmp_path)), "TEST_NVML_PID": str(training.pid)}
    with run_viewer(tmp_path / "root", tmp_path / "home", environ) as running:
        yield running


def test_a_gpu_leads_to_the_run_that_is_on_it_and_back(browser: Browser, viewer: Viewer) -> None:
    with visit(browser, viewer.url) as visitor:
        page = visitor.page
        page.get_by_role("link", name="Machines").click()
        first, second = page.get_by_label("GPU 0"), page.get_by_label("GPU 1")
        expect(first).to_contain_text("40 %")
        expect(first).to_contain_text("256 MiB of 1 GiB")
        expect(second).to_contain_text(re.compile(r"nobody for \d+s"))
        expect(page.get_by_text("Where can I start?")).to_be_visible()
        first.get_by_role("link", name="resnet50-imagenet-lr0.003-bs128-s0").click()
        expect(page).to_have_url(re.compile("#/runs/.*/charts"))
        page.get_by_role("tab", name="Overview").click()
        mine = page.get_by_label("GPUs")
        expect(mine).to_contain_text("Test GPU 0 on this machine")
        expect(mine).to_contain_text("200 MiB of 1 GiB")
        mine.get_by_role("link", name="all machines").click()
        expect(first).to_be_visible()


def test_what_nobody_is_on_for_a_minute_is_free(browser: Browser, viewer: Viewer) -> None:
    with visit(browser, f"{viewer.url}/#/machines") as visitor:
        page = visitor.page
        expect(page.get_by_text("1 of 2 GPUs free")).to_be_visible(timeout=80_000)
        expect(page.get_by_label("GPU 1")).to_contain_text("free for 1m")
        expect(page.get_by_text("1 GPU on this machine is free.")).to_be_visible()
        path = page.get_by_label("GPU 0").locator("path")
        assert re.match(r"M[\d.]+ 12\.0L", path.get_attribute("d") or ""), "40 % of 20 px, from the upper edge"


def test_keys_and_search_lead_there(browser: Browser, viewer: Viewer) -> None:
    with visit(browser, viewer.url) as visitor:
        page = visitor.page
        expect(page.get_by_text("resnet50").first).to_be_visible()
        page.keyboard.type("gm")
        expect(page).to_have_url(re.compile("#/machines"))
        page.keyboard.press("Control+K")
        page.keyboard.type("runs")
        page.keyboard.press("Escape")
        expect(page.get_by_label("GPU 0")).to_be_visible()
