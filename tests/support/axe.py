"""axe-core in a page: what of it people cannot see, hear or reach. It is never part of the page itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

_SCRIPT = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.flatMap(rule =>
    rule.nodes.map(node => `${rule.id}: ${node.target.join(' ')} ${node.html.slice(0, 120)} ${
        [...node.any, ...node.all, ...node.none].map(check => check.message).join('; ').slice(0, 200)}`))"""
THEMES = ("light", "dark")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@cache
def _script() -> str:
    return _SCRIPT.read_text(encoding="utf-8")


def complaints(page: Page) -> list[str]:
    """Return what axe-core finds, a line for each place."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_script() + "\n;0")
    found: list[str] = page.evaluate(_RUN)
    return found


def complaints_everywhere(page: Page) -> list[str]:
    """Return what axe-core finds in both themes, on a wide window and on a narrow one."""
    return [
        *(line for theme in THEMES for line in complaints_as(page, WIDE, theme)),
        *(line for theme in THEMES for line in complaints_as(page, NARROW, theme)),
    ]


def complaints_as(page: Page, size: dict[str, int], theme: str) -> list[str]:
    """Return what axe-core finds in a window of this size, in this theme."""
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.wait_for_timeout(200)
    return [f"{size['width']} {theme} {line}" for line in complaints(page)]
