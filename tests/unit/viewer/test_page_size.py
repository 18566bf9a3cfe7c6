"""The page's script stays small: what comes before the first chart, and all of it. Reads what the build wrote down."""

import gzip
import json
import re
from functools import cache

import pytest

from runicorn.viewer.page import PAGE_FOLDER

MAX_BEFORE_FIRST_CHART_KB, MAX_ALL_KB = 80, 140
RUN_PAGE = "src/pages/RunPage.tsx"


@pytest.fixture(scope="module")
def manifest():
    built = PAGE_FOLDER / "manifest.json"
    assert built.is_file(), "the page is not built: python scripts/web.py build"
    return json.loads(built.read_text())


@pytest.fixture(scope="module")
def entry(manifest):
    """The part that index.html itself loads."""
    (file,) = re.findall(r'<script [^>]*src="\./([^"]+)"', (PAGE_FOLDER / "index.html").read_text())
    (part,) = [name for name, one in manifest.items() if one["file"] == file]
    return part


@cache
def gzipped_kb(file):
    return len(gzip.compress((PAGE_FOLDER / file).read_bytes(), 9)) / 1000


def loaded_with(manifest, *parts):
    """Return the script files that must be there before the first of these parts runs, and before the others do."""
    found, waiting = set(), list(parts)
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting += manifest[part].get("imports", [])
    return {manifest[part]["file"] for part in found}


def total_kb(files):
    return sum(map(gzipped_kb, files))


@pytest.mark.parametrize("more", [(), (RUN_PAGE,)], ids=["runs", "run"])
def test_little_is_loaded_before_the_first_chart(manifest, entry, more):
    files = loaded_with(manifest, entry, *more)
    assert any("chart-axes" in (PAGE_FOLDER / file).read_text() for file in files)  # what draws is among them
    assert total_kb(files) <= MAX_BEFORE_FIRST_CHART_KB


def test_all_of_the_script_is_small(manifest):
    files = set(PAGE_FOLDER.rglob("*.js"))
    listed = {PAGE_FOLDER / one["file"] for one in manifest.values() if one["file"].endswith(".js")}
    assert files == listed
    assert total_kb(file.relative_to(PAGE_FOLDER) for file in files) <= MAX_ALL_KB


def test_pages_that_are_not_open_are_not_loaded(manifest, entry):
    first = loaded_with(manifest, entry, RUN_PAGE)
    for name in (
        "pages/RemotePage.tsx",
        "pages/artifacts.ts",
        "components/console/ConsolePane.tsx",
        "components/media/MediaPane.tsx",
    ):
        assert manifest[f"src/{name}"]["isDynamicEntry"]
        assert manifest[f"src/{name}"]["file"] not in first
