"""A real Chromium, headless, that talks to nobody but this machine."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.support.server import ENVIRONMENT, Server

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-default-browser-check",
)
ACTION_TIMEOUT_MS = 15_000
expect.set_options(timeout=ACTION_TIMEOUT_MS)  # what is waited for may take as long as what is done


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def run_chromium(*flags: str) -> Iterator[Browser]:
    program = find_chromium()
    assert program, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page in a context of its own. complaints: what the browser's console and uncaught errors said."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextlib.contextmanager
def visit(
    browser: Browser, url: str, *, dark: bool = False, width: int = 1440, height: int = 900, touch: bool = False
) -> Iterator[Visit]:
    """Open a page as a person with nothing stored would. touch: as on a telephone, with fingers and without a mouse."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        has_touch=touch,
        is_mobile=touch,
    )
    page = context.new_page()
    page.set_default_timeout(ACTION_TIMEOUT_MS)
    opened = Visit(page)

    def listen(message: ConsoleMessage) -> None:
        # An answer of 409 is how the API asks about a host key; Chromium reports any such answer.
        if message.type == "error" and "status of 4" not in message.text:
            opened.complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.goto(url)
    try:
        yield opened
    finally:
        context.close()


def choose_installed(page: Page) -> None:
    """Choose the viewer that is installed on the server."""
    page.get_by_role("radio", name=re.compile(rf"^{ENVIRONMENT}\b")).check()


def connect_by_key(page: Page, server: Server) -> None:
    """Type the server, choose the key file, press Connect."""
    page.get_by_role("combobox", name="Server").fill(f"{server.account.username}@127.0.0.1:{server.sshd.port}")
    if not page.get_by_role("radio", name="Key file").is_visible():
        page.get_by_role("button", name="Login").click()
    page.get_by_role("radio", name="Key file").check()
    page.get_by_role("textbox", name="Key file").fill(str(server.key))
    page.get_by_role("button", name="Connect", exact=True).click()
