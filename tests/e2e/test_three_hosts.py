"""Three hosts in one page: compared while they grow, one unplugged and plugged in again, and on the next day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.accounts import Account
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.growing_runs import growing_run, recorded
from tests.support.link import Link, run_link
from tests.support.pam import Authenticator, missing_for_codes, pam_service
from tests.support.remote import accept, connect, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(bool(missing_for_codes()), reason=missing_for_codes() or "-")

ASKS_BY_PAM = {"UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "AuthenticationMethods": "keyboard-interactive"}
RETURN_SECS = 30


@dataclass
class Hosts:
    """points: of the run on each host. app: gives codes for the last one. link: on the way to the second one."""

    servers: dict[str, Server]
    points: dict[str, Path]
    app: Authenticator
    link: Link

    def save(self, viewer: Viewer) -> None:
        """Accept the hosts' keys, and save them as somebody who has opened them before."""
        saved = []
        for place, (name, server) in enumerate(self.servers.items()):
            port = self.link.port if name == "gpu-2" else server.sshd.port
            accept(viewer, connect(viewer, server.login() | {"port": port}))
            login = (
                {"authMethod": "interactive"}
                if name == "gpu-3"
                else {"authMethod": "key", "privateKeyPath": str(server.key)}
            )
            one = {"name": name, "host": "127.0.0.1", "port": port, "username": server.account.username}
            saved.append({**one, **login, "remoteRoot": str(server.runs), "mode": "agent", "lastUsedAt": 1000 - place})
        assert viewer.post("/api/remote/connections/saved", saved).json()["ok"] is True


@pytest.fixture
def hosts(bare_account: Account, tmp_path: Path) -> Iterator[Hosts]:
    app = Authenticator(bare_account)
    with ExitStack() as stack:
        stack.callback((bare_account.home / ".google_authenticator").unlink)
        service = stack.enter_context(pam_service("auth required pam_google_authenticator.so"))
        servers, points = {}, {}
        for number, name in enumerate(("gpu-1", "gpu-2", "gpu-3")):
            (tmp_path / name).mkdir()
            way = {"options": ASKS_BY_PAM, "service": service} if name == "gpu-3" else {}
            server = servers[name] = stack.enter_context(run_server(bare_account, tmp_path / name, **way))
            points[name] = stack.enter_context(growing_run(server.runs, f"on-{name}", number=10 + number))
        yield Hosts(servers, points, app, stack.enter_context(run_link(servers["gpu-2"].sshd.port)))


def sidebar(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Projects and hosts")


def told(page: Page, name: str, state: str) -> None:
    row = sidebar(page).get_by_role("button", name=re.compile(f"^(?!Give up|Dismiss|Open|No longer).*{name}"))
    expect(row.get_by_role("img", name=state, exact=True)).to_be_visible(timeout=RETURN_SECS * 1000)


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=f"on-{name}"))


def away(page: Page, name: str, words: str) -> None:
    """The rows of a host are grey, and say why and how old they are."""
    expect(row_of(page, name)).to_have_class(re.compile(r"\baway\b"), timeout=RETURN_SECS * 1000)
    expect(row_of(page, name).get_by_role("link")).to_have_attribute(
        "title", re.compile(f"{name} {words}; this is from")
    )


def here(page: Page, name: str) -> None:
    expect(row_of(page, name)).not_to_have_class(re.compile(r"\baway\b"), timeout=RETURN_SECS * 1000)


def points(page: Page) -> int:
    """Return how many points the chart of losses shows."""
    return int(page.locator('[data-metric="train/loss"]').first.get_attribute("data-points") or 0)


def test_three_hosts_are_compared_while_one_is_unplugged_and_are_there_on_the_next_day(
    browser: Browser, hosts: Hosts, tmp_path: Path
) -> None:
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    with visit(browser, "about:blank") as visitor:
        page = visitor.page
        chart = page.locator('[data-metric="train/loss"]').first
        with run_viewer(tmp_path / "local-root", home, port=port) as viewer:
            hosts.save(viewer)
            page.goto(f"{viewer.url}/#/runs")
            page.evaluate("window.sameDocument = true")

            # All by one click; one asks for a code.
            sidebar(page).get_by_role("button", name="Connect all").click()
            dialog = page.get_by_role("dialog", name="127.0.0.1 asks")
            expect(row_of(page, "gpu-1")).to_be_visible()
            expect(row_of(page, "gpu-2")).to_be_visible()
            dialog.get_by_label("Verification code:").fill(hosts.app.code())
            page.keyboard.press("Enter")
            expect(row_of(page, "gpu-3")).to_contain_text("gpu-3")
            for name in hosts.servers:
                told(page, name, "viewer running")

            # Two runs of two hosts in one chart, while both grow.
            expect(chart).to_have_attribute("data-lines", "3")
            row_of(page, "gpu-1").get_by_role("checkbox").click()
            expect(chart).to_have_attribute("data-lines", "2")
            both = [hosts.points["gpu-2"], hosts.points["gpu-3"]]
            eventually(lambda: abs(points(page) - sum(map(recorded, both))) < 30, RETURN_SECS, "all points of both")
            before = points(page)
            eventually(lambda: points(page) > before + 40, RETURN_SECS, "more points of both")
            assert complaints(page) == []

            # Unplugged, its rows stay, and the others go on.
            hosts.link.down()
            away(page, "gpu-2", "is away")
            here(page, "gpu-1")
            before = points(page)
            eventually(lambda: points(page) > before + 20, RETURN_SECS, "points of the other one")
            assert complaints(page) == []

            # Plugged in again, what came in between is there.
            hosts.link.accept()
            here(page, "gpu-2")
            eventually(lambda: abs(points(page) - sum(map(recorded, both))) < 30, RETURN_SECS, "the missing points")
            assert page.evaluate("window.sameDocument") is True

        # On the next day nothing is connected by itself, and what was seen is there with its age.
        with run_viewer(tmp_path / "local-root", home, port=port) as viewer:
            page.goto("about:blank")
            page.goto(f"{viewer.url}/#/runs")
            for name in hosts.servers:
                told(page, name, "not connected")
                away(page, name, "is not connected")
            assert viewer.get("/api/remote/sessions").json()["sessions"] == []
            assert complaints(page) == []
            row = sidebar(page).get_by_role("button", name=re.compile("^not connected gpu-1"))
            expect(row).to_contain_text("1")
            row.click()
            told(page, "gpu-1", "viewer running")
            here(page, "gpu-1")
            away(page, "gpu-3", "is not connected")

            # Whoever does not want to see them any more lets go of them, by a click or by the keyboard.
            sidebar(page).get_by_role("button", name="No longer show the runs of gpu-2").click()
            expect(row_of(page, "gpu-2")).to_have_count(0)
            sidebar(page).get_by_role("button", name="No longer show the runs of gpu-3").focus()
            page.keyboard.press("Enter")
            expect(row_of(page, "gpu-3")).to_have_count(0)
            told(page, "gpu-3", "not connected")
            for session in viewer.get("/api/remote/viewer/sessions").json()["sessions"]:
                stop(viewer, session)
            expect(row_of(page, "gpu-1")).to_have_count(0)
        assert [
            each for each in visitor.complaints if "Failed to load resource" not in each and "ERR_" not in each
        ] == []
