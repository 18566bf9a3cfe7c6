"""The pages of the viewers in a browser: where their list and charts are, and how all runs are chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from playwright.sync_api import Locator, Page

SOON_MS = 15_000


class PeerPage(ABC):
    """The page of one viewer. answers: a part of the address of what holds its lines."""

    answers: str

    @abstractmethod
    def open_list(self, page: Page, url: str, folder: Path) -> None:
        """Open the page where the list of runs is."""

    @abstractmethod
    def rows(self, page: Page) -> Locator:
        """Return the rows of the list."""

    @abstractmethod
    def search(self, page: Page) -> Locator:
        """Return the field in which a part of a run's name is typed."""

    @abstractmethod
    def open_charts(self, page: Page, url: str, folder: Path) -> None:
        """Open the page with the lines of all runs, as few clicks as that takes; not waiting for them."""

    @abstractmethod
    def charts(self, page: Page) -> Locator:
        """Return the charts in which something is drawn."""


class RunicornPage(PeerPage):
    answers = "/api/lines"

    def open_list(self, page: Page, url: str, folder: Path) -> None:
        page.goto(f"{url}#/runs?sel=none")

    def rows(self, page: Page) -> Locator:
        return page.locator(".row:not(#baseline)")

    def search(self, page: Page) -> Locator:
        return page.get_by_role("combobox", name="Filter runs")

    def open_charts(self, page: Page, url: str, folder: Path) -> None:
        ids = sorted(each.name for each in (folder / "runs").iterdir())
        page.goto(f"{url}#/runs/{ids[0]}/charts" if len(ids) == 1 else f"{url}#/runs?sel={','.join(ids)}")

    def charts(self, page: Page) -> Locator:
        return page.locator(".chart:has(.chart-frame[data-painted]) .chart-over")


class TensorBoardPage(PeerPage):
    answers = "/timeSeries"

    def open_list(self, page: Page, url: str, folder: Path) -> None:
        page.goto(f"{url}#timeseries")

    def rows(self, page: Page) -> Locator:
        return page.locator("runs-data-table tb-data-table-content-row")

    def search(self, page: Page) -> Locator:
        return page.locator("runs-data-table .run-filter input")

    def open_charts(self, page: Page, url: str, folder: Path) -> None:
        page.goto(f"{url}#timeseries")
        every = page.locator("runs-data-table .header input[type=checkbox]").first
        every.wait_for(state="attached")
        if not every.is_checked():  # of more than forty runs, none is chosen
            every.click(force=True)

    def charts(self, page: Page) -> Locator:
        return page.locator("card-view line-chart .series-view")


class TrackioPage(PeerPage):
    answers = "/api/get_logs_batch"

    def open_list(self, page: Page, url: str, folder: Path) -> None:
        page.goto(url)

    def rows(self, page: Page) -> Locator:
        return page.locator(".checkbox-item")

    def search(self, page: Page) -> Locator:
        return page.get_by_placeholder("Type to filter...")

    def open_charts(self, page: Page, url: str, folder: Path) -> None:
        page.goto(url)

    def charts(self, page: Page) -> Locator:
        return page.locator(".plot canvas")


PAGES: dict[str, PeerPage] = {"runicorn": RunicornPage(), "tensorboard": TensorBoardPage(), "trackio": TrackioPage()}
