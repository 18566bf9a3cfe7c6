"""Artifacts of this machine and of a host in one table: found, opened, downloaded, and named where they are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.link import run_link
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer

import runicorn as rn

RETURN_SECS = 20
HOST = "127.0.0.1"


def log_model(root: Path, bundle: Path, text: str) -> None:
    """Record a run that used a data set and made a model."""
    bundle.mkdir()
    (bundle / "labels.txt").write_text("cat\ndog\n")
    (bundle / "größe <b>.txt").write_text(text)
    with rn.init("vision", name="prepares", root=root, system_metrics=False) as run:
        run.log_artifact(bundle / "labels.txt", name="imagenet-mini", type="dataset")
    with rn.init("vision", name="calm-fox", root=root, system_metrics=False) as run:
        run.use_artifact("imagenet-mini:latest")
        run.log_artifact(bundle, name="resnet", type="model", aliases=["best"])


@pytest.fixture
def both(growing: Server, viewer: Viewer, tmp_path: Path) -> Server:
    """The server, with artifacts there and on this machine."""
    log_model(tmp_path / "local-root", tmp_path / "near", "of this machine")
    log_model(growing.runs, tmp_path / "far", "of the host")
    return growing


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Artifacts").get_by_role("row")


def download(page: Page, name: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("region", name="Files").get_by_role("link", name=name).click()
    return Path(download.value.path()).read_text()


def test_an_artifact_of_a_host_is_found_opened_and_downloaded(browser: Browser, both: Server, viewer: Viewer) -> None:
    with run_link(both.sshd.port) as link, visit(browser, f"{viewer.url}/#/artifacts?sort=name&order=asc") as visitor:
        page = visitor.page
        expect(rows(page)).to_have_count(3)
        expect(page.get_by_role("columnheader", name="Host")).to_have_count(0)
        page.evaluate("window.sameDocument = true")
        body = both.login(remote_root=str(both.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)

        # The host's artifacts come by themselves, and rows say where they live.
        expect(rows(page)).to_have_count(5)
        expect(page.get_by_role("columnheader", name="Host")).to_be_visible()
        for at, name, host in ((1, "imagenet-mini", "This machine"), (2, "imagenet-mini", HOST), (4, "resnet", HOST)):
            expect(rows(page).nth(at)).to_contain_text(name)
            expect(rows(page).nth(at)).to_contain_text(host)
        assert complaints(page) == []
        page.get_by_role("textbox", name="Filter artifacts").fill(HOST)
        expect(rows(page)).to_have_count(3)

        # One of them, with its own files.
        rows(page).filter(has_text="resnet").get_by_role("link", name="resnet").click()
        expect(page.get_by_role("heading", name="resnet")).to_be_visible()
        expect(page).to_have_url(re.compile(rf"#/artifacts/{HOST}-[0-9a-f]{{6}}:resnet$"))
        expect(page).to_have_title("resnet · Runicorn")
        expect(page.locator(".facts").get_by_text(HOST)).to_be_visible()
        expect(page.get_by_text("rn.use_artifact(")).to_have_count(0)
        assert download(page, "größe <b>.txt") == "of the host"
        assert complaints(page) == []
        assert page.evaluate("window.sameDocument") is True
        page.reload()
        expect(page.get_by_role("heading", name="resnet")).to_be_visible()

        # The run that made it, and what that used, are the host's as well.
        page.get_by_role("link", name="calm-fox").click()
        expect(page.get_by_text("Read on")).to_be_visible()
        expect(page.get_by_role("row", name="Logged artifacts")).to_contain_text("resnet:v0")
        page.get_by_role("link", name="imagenet-mini:v0").click()
        expect(page).to_have_url(re.compile(rf"#/artifacts/{HOST}-[0-9a-f]{{6}}:imagenet-mini"))
        assert download(page, "labels.txt") == "cat\ndog\n"

        # This machine's own one says how a script gets it.
        page.goto(f"{viewer.url}/#/artifacts/resnet")
        expect(page.get_by_text('rn.use_artifact("resnet:v0")')).to_be_visible()
        assert download(page, "größe <b>.txt") == "of this machine"

        # Unplugged: this machine's stay, and the list says whose are missing.
        link.down()
        page.goto(f"{viewer.url}/#/artifacts")
        note = page.get_by_role("list", name="Hosts whose artifacts are not all here")
        expect(note).to_contain_text(re.compile(rf"{HOST}.*The artifacts cannot be read"), timeout=RETURN_SECS * 1000)
        expect(rows(page)).to_have_count(3)
        assert complaints(page) == []
        link.accept()
        expect(rows(page)).to_have_count(5, timeout=RETURN_SECS * 1000)
        expect(note).to_have_count(0)

        assert stop(viewer, session).json()["ok"] is True
        expect(rows(page)).to_have_count(3)
        expect(page.get_by_role("columnheader", name="Host")).to_have_count(0)
        assert [each for each in visitor.complaints if "Failed to load resource" not in each] == []
