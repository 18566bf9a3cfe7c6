"""Take the pictures of the page that README.md shows: `python scripts/screenshots.py`.

Starts the demo on a free port, opens it in a real Chromium, and writes docs/images/*.png.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, expect  # noqa: E402
from tests.support.browser import run_chromium, visit  # noqa: E402

IMAGES = ROOT / "docs" / "images"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "runicorn", "demo", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        try:
            lines = iter(demo.stdout.readline, "")
            url = next(line.split()[-1] for line in lines if "http://" in line)
            with run_chromium() as browser:
                for dark in (False, True):
                    with visit(browser, f"{url}#/remote", dark=dark, width=1280, height=800) as visitor:
                        take(visitor.page, "dark" if dark else "light")
        finally:
            demo.terminate()
            demo.wait(30)


def take(page: Page, theme: str) -> None:
    """Go the way a person goes, with a picture of each place worth showing."""
    page.get_by_role("button", name="Open", exact=True).click()
    dialog = page.get_by_role("dialog")
    if theme == "light":  # the second visit finds the key accepted
        expect(dialog.get_by_role("button", name="Accept key")).to_be_visible()
        page.screenshot(path=IMAGES / "host-key.png")
        dialog.get_by_role("button", name="Accept key").click()
    page.wait_for_url("http://localhost:*/**")
    expect(page.locator("[data-points]").first).to_be_visible()
    page.wait_for_timeout(2500)  # a few more live points
    page.screenshot(path=IMAGES / f"runs-{theme}.png")
    page.get_by_role("link", name="Manage").click()
    page.wait_for_timeout(700)
    page.screenshot(path=IMAGES / f"remote-{theme}.png")


if __name__ == "__main__":
    main()
