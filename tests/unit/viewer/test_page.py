"""The page's files: cached when their name says they never change, and nothing outside of their folder."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from runicorn.viewer import errors
from runicorn.viewer.page import find_asset
from runicorn.viewer.routes.page import page_router


@pytest.fixture
def folder(tmp_path):
    built = tmp_path / "page"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>Runicorn</title>")
    (built / "favicon.svg").write_text("<svg/>")
    (built / "assets/index-4f2a.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (built / "link.txt").symlink_to(tmp_path / "secret.txt")
    return built


def get(folder, path):
    app = FastAPI()
    errors.install(app)
    app.include_router(page_router(folder))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_the_page_itself_is_asked_for_each_time(folder):
    answer = get(folder, "/")
    assert "Runicorn" in answer.text
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("text/html; charset=utf-8", "no-cache")


def test_files_named_by_their_content_are_kept_for_ever(folder):
    answer = get(folder, "/assets/index-4f2a.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]


def test_other_files_are_asked_for_each_time(folder):
    assert get(folder, "/favicon.svg").headers["cache-control"] == "no-cache"


def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path):
    answer = get(tmp_path, "/")
    assert answer.status_code == 200
    assert "npm run build" in answer.text


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "assets/../../secret.txt", "link.txt", "/etc/passwd", "", "assets", "missing.js", "a\0b", "..\\x",
     "C:/x", "api/runs"],
)  # fmt: skip
def test_nothing_else_is_served(folder, path):
    assert find_asset(folder, path) is None
