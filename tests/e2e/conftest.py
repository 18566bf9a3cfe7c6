"""One browser for each file of tests; each test gets a context of its own.

Not one for the whole session: Playwright keeps an event loop running in this thread for as long as its browser lives,
and tests elsewhere run loops of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.browser import find_chromium, run_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        pytest.skip("needs chromium: apt-get install chromium")
    with run_chromium() as running:
        yield running
