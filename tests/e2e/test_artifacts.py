"""Artifacts on the page: the list, one with its versions and files, and the way to and from the runs that made them."""

import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.support.browser import visit
from tests.support.hostile import LONG, MARKUP_NAME
from tests.support.serving import run_viewer

import runicorn as rn

DESCRIPTION = f"{MARKUP_NAME} and a second line\n{'many words ' * 200}"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two versions of a model of one run, which used a data set of another."""
    folder = tmp_path_factory.mktemp("artifacts")
    root, place = folder / "root", folder / "bundle"
    (place / "weights").mkdir(parents=True)
    (place / "labels <b>.txt").write_text("cat\ndog\n")
    with rn.init("vision", name="prepares", id="prepares", root=root, system_metrics=False) as run:
        run.log_artifact(place, name="imagenet-mini", type="dataset")
    with rn.init("vision", name="calm-fox", id="trains", root=root, system_metrics=False) as run:
        run.use_artifact("imagenet-mini:latest")
        for number in range(2):
            (place / "weights" / "model.pt").write_bytes(bytes([number]) * 3_100_000 * (number + 1))
            model = rn.Artifact("resnet", type="model", description=DESCRIPTION if number else None)
            model.metadata = {"accuracy": 0.9 + number / 100, "notes": {MARKUP_NAME: MARKUP_NAME}, "long": LONG[:500]}
            model.add_dir(place)
            run.log({"loss": 1.0}, step=number)
            run.log_artifact(model, aliases=["best"] if number == 0 else ["candidate"])
    return root


@pytest.fixture(scope="module")
def viewer(root, tmp_path_factory):
    with run_viewer(root, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def open_page(browser, viewer):
    """Return what opens the page at a hash; nothing may have complained or become markup in the end."""
    with contextlib.ExitStack() as stack:

        def check(visitor):
            assert visitor.complaints == []
            assert visitor.page.evaluate("window.canary ?? document.querySelectorAll('[data-theirs]').length") == 0

        def go(hash_path):
            visitor = stack.enter_context(visit(browser, f"http://localhost:{viewer.port}/{hash_path}"))
            stack.callback(check, visitor)
            return visitor.page

        yield go


def test_an_empty_root_says_how_to_log_one(browser, tmp_path):
    with (
        run_viewer(tmp_path / "root", tmp_path / "home") as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/runs") as visitor,
    ):
        page = visitor.page
        page.get_by_role("heading", name="Runs", exact=True).wait_for(state="attached")
        page.keyboard.press("g")
        page.keyboard.press("a")
        expect(page.get_by_role("heading", name="No artifacts yet")).to_be_visible()
        expect(page.get_by_text("rn.log_artifact(")).to_be_visible()
        expect(page).to_have_title("Artifacts · Runicorn")
        # One that is logged now appears by itself.
        (tmp_path / "data.txt").write_text("1")
        with rn.init(root=tmp_path / "root", system_metrics=False) as run:
            run.log_artifact(tmp_path / "data.txt", name="fresh")
        expect(page.get_by_role("link", name="fresh")).to_be_visible()
        assert visitor.complaints == []


def test_the_list_shows_filters_sorts_and_leads_on(open_page):
    page = open_page("#/artifacts")
    rows = page.get_by_role("grid", name="Artifacts").get_by_role("row")
    expect(rows).to_have_count(3)
    for text in ("resnet", "model", "2", "v1", "candidate", "6.2 MB", "calm-fox", "just now"):
        expect(rows.nth(1)).to_contain_text(text)
    page.get_by_role("button", name="Name").click()
    expect(rows.nth(1)).to_contain_text("imagenet-mini")
    page.keyboard.press("/")
    page.keyboard.type("^best$")
    expect(rows).to_have_count(2)
    page.reload()
    expect(rows).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="resnet")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("textbox", name="Filter artifacts")).to_have_value("^best$")
    page.get_by_role("textbox", name="Filter artifacts").fill("nothing [")
    expect(page.get_by_text("Nothing matches nothing [")).to_be_visible()
    page.get_by_role("textbox", name="Filter artifacts").fill("")
    rows.nth(2).get_by_role("link", name="calm-fox").click()
    expect(page.get_by_role("heading", name="calm-fox")).to_be_visible()


def test_a_version_has_files_digest_metadata_and_its_run(open_page, root):
    page = open_page("#/artifacts/resnet")
    versions = page.get_by_role("navigation", name="Versions").get_by_role("link")
    expect(versions).to_have_count(2)
    expect(versions.nth(0)).to_contain_text("v1latestcandidate")
    expect(page.get_by_role("heading", name="v1")).to_be_visible()
    expect(page.locator(".version-description")).to_contain_text(MARKUP_NAME)
    expect(page.get_by_role("row", name="accuracy")).to_contain_text("0.91")
    expect(page.get_by_role("row", name=f"notes.{MARKUP_NAME}")).to_be_visible()
    expect(page).to_have_title("resnet · Runicorn")

    files = page.get_by_role("region", name="Files")
    expect(files.get_by_role("row")).to_have_count(2)
    weights = files.get_by_role("row", name="weights/model.pt")
    expect(weights).to_contain_text("6.2 MB")
    sha256 = hashlib.sha256(bytes([1]) * 6_200_000).hexdigest()
    expect(weights.get_by_text(sha256[:12])).to_have_attribute("title", sha256)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    weights.get_by_role("button", name="Copy the SHA-256").click()
    expect(weights.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == sha256
    with page.expect_download() as download:
        files.get_by_role("link", name="labels <b>.txt").click()
    assert Path(download.value.path()).read_text() == "cat\ndog\n"

    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="v0")).to_be_visible()
    expect(weights).to_contain_text("3.1 MB")
    page.reload()
    expect(versions.nth(1)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="calm-fox").click()
    expect(page.get_by_role("row", name="Logged artifacts")).to_contain_text("resnet:v0resnet:v1")
    page.get_by_role("link", name="imagenet-mini:v0").click()
    expect(page.get_by_role("heading", name="imagenet-mini")).to_be_visible()


def test_what_is_not_there_is_said(open_page):
    page = open_page("#/artifacts/nothing")
    expect(page.get_by_role("heading", name="This artifact is not here")).to_be_visible()
    page.get_by_role("link", name="Back to the artifacts").click()
    expect(page.get_by_role("link", name="resnet")).to_be_visible()
    page.goto(f"{page.url.split('#')[0]}#/artifacts/resnet?v={MARKUP_NAME}")
    expect(page.get_by_role("heading", name="This version is not here")).to_be_visible()
    page.get_by_role("link", name="Show the newest").click()
    expect(page.get_by_role("heading", name="v1")).to_be_visible()


def test_a_list_that_fails_says_why_and_is_asked_for_again(open_page):
    page = open_page("#/remote")
    page.route(
        "**/api/artifacts", lambda route: route.fulfill(status=400, body=json.dumps({"code": "X", "detail": "No."}))
    )
    page.get_by_role("link", name="Artifacts").click()
    expect(page.get_by_role("alert")).to_contain_text("No.")
    page.unroute("**/api/artifacts")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("link", name="resnet")).to_be_visible()
