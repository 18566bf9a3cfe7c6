"""What can be asked of the table of runs on a page, and done to it as a person would."""

from __future__ import annotations

import re
from urllib.parse import unquote

from playwright.sync_api import Locator, Page, expect


def grid(page: Page) -> Locator:
    return page.locator("[role=grid], [role=treegrid]").and_(page.get_by_label("Runs", exact=True))


def shows(page: Page, amount: int) -> None:
    """Wait until the table has so many lines."""
    expect(grid(page)).to_have_attribute("aria-rowcount", str(amount + 1))


def heads(page: Page) -> list[str]:
    """Return the keys of the columns, from left to right."""
    return page.locator(".table-head [data-column]").evaluate_all("all => all.map((one) => one.dataset.column)")


def head(page: Page, key: str) -> Locator:
    return page.locator(f'.table-head [data-column="{key}"]')


def head_button(page: Page, key: str) -> Locator:
    return head(page, key).locator("> button")


def column(page: Page, key: str) -> list[str]:
    """Return what the cells of a column read, from top to bottom, without differences to a baseline."""
    cells = page.locator(f'.row:not(#baseline) [data-key="{key}"]')
    return cells.evaluate_all(
        """all => all.map((cell) => {
                const text = (cell.querySelector('.ellipsis') ?? cell).innerText.trim();
                return { top: cell.getBoundingClientRect().top, text };
            }).sort((a, b) => a.top - b.top).map((one) => one.text)"""
    )


def names(page: Page) -> list[str]:
    """Return the names of the rows, from top to bottom."""
    return page.locator(".row:not(#baseline) .run-link").evaluate_all(
        """all => all.map((one) => ({ top: one.getBoundingClientRect().top, name: one.getAttribute('aria-label') }))
            .sort((a, b) => a.top - b.top).map((one) => one.name)"""
    )


def params(page: Page) -> dict[str, str]:
    """Return the parameters of the place that the URL names."""
    query = page.url.partition("#")[2].partition("?")[2]
    return {name: unquote(value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)}


def filter_box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Filter runs")


def row_of(page: Page, name: str) -> Locator:
    return page.locator(".row:not(#baseline)").filter(has=page.locator(f'.run-link[aria-label="{name}"]'))


def choose(page: Page, label: str | re.Pattern[str]) -> None:
    """Choose from the menu that is open."""
    page.get_by_role("menuitem", name=label, exact=isinstance(label, str)).click()
