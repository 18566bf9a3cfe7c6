"""One browser for each file of tests; each test gets a context of its own.

Not one for the whole session: Playwright keeps an event loop running in this thread for as long as its browser lives,
and tests elsewhere run loops of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.support.browser import find_chromium, run_chromium
from tests.support.looking import Look, looking
from tests.support.serving import Viewer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        pytest.skip("needs chromium: apt-get install chromium")
    with run_chromium() as running:
        yield running


@pytest.fixture
def looked(browser: Browser, root: Path) -> Iterator[tuple[Viewer, Look]]:
    """Serve the storage root that the file's own fixture makes; give the viewer, and what opens a place of its page."""
    with looking(browser, root) as both:
        yield both


@pytest.fixture
def look(looked: tuple[Viewer, Look]) -> Look:
    return looked[1]
