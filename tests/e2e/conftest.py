"""One browser for all tests; each test gets a context of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.browser import find_chromium, run_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        pytest.skip("needs chromium: apt-get install chromium")
    with run_chromium() as running:
        yield running
