"""The dot of a place: that its login asks somebody is told wherever the place stands, and leads to the question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.accounts import Account
from tests.support.asking import run_asking
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.pam import Authenticator, missing_for_codes, pam_service
from tests.support.questions import know, person_at
from tests.support.remote import accept, connect
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually

ASKS_BY_PAM = {
    "UsePAM": "yes",
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "PubkeyAuthentication": "no",
}
needs_codes = pytest.mark.skipif(bool(missing_for_codes()), reason=missing_for_codes() or "-")


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        yield viewer


@pytest.fixture
def asking_server(server_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A real sshd that wants a one-time code, made before the viewer so that it ends after it."""
    with (
        pam_service("auth required pam_google_authenticator.so") as service,
        run_server(server_account, tmp_path, options=ASKS_BY_PAM, service=service) as server,
    ):
        yield server


@pytest.fixture
def app(server_account: Account) -> Iterator[Authenticator]:
    """The account's app for codes."""
    yield Authenticator(server_account)
    (server_account.home / ".google_authenticator").unlink()


@pytest.fixture
def lab(asking_server: Server, app: Authenticator, viewer: Viewer) -> dict[str, Any]:
    """Keep that server as `lab`, its key accepted. What a connect to it is asked with."""
    save(viewer, asking_server.account.username, lab=asking_server.sshd.port)
    return know(viewer, asking_server.sshd.port, asking_server.account.username)


def save(viewer: Viewer, username: str = "me", **hosts: int) -> None:
    """Keep hosts by name and port."""
    kept = [{"name": name, "host": "127.0.0.1", "port": port, "username": username} for name, port in hosts.items()]
    assert viewer.post("/api/remote/connections/saved", kept).json()["ok"] is True


def in_sidebar(page: Page, name: str) -> Locator:
    sidebar = page.get_by_role("navigation", name="Projects and hosts")
    return sidebar.get_by_role("button").filter(has_text=name)


def told(row: Locator, state: str) -> None:
    expect(row.get_by_role("img").first).to_have_accessible_name(state)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="127.0.0.1 asks")


def type_a_filter(page: Page) -> None:
    """Be busy with something else, so that no question comes over it."""
    page.keyboard.press("/")
    page.keyboard.type("config.")


@needs_codes
def test_the_sidebar_says_that_a_login_asks_and_enter_brings_the_question(
    browser: Browser, lab: dict[str, Any], app: Authenticator, viewer: Viewer
) -> None:
    with person_at(viewer) as person, visit(browser, f"{viewer.url}/#/runs") as visitor:
        page = visitor.page
        row = in_sidebar(page, "lab")
        told(row, "not connected")
        type_a_filter(page)
        waiting = person.connect(lab)
        told(row, "asks you")
        expect(row).to_contain_text("asks you")
        expect(page.locator("input:focus")).to_have_value("config.")
        expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
        assert complaints(page) == []
        row.focus()
        page.keyboard.press("Enter")
        expect(dialog(page).get_by_label("Verification code:")).to_be_focused()
        page.keyboard.press("Escape")
        # Put off, and still told; the place that had the focus has it again.
        expect(dialog(page)).to_be_hidden()
        expect(row).to_be_focused()
        told(row, "asks you")
        row.click()
        page.keyboard.type(app.code())
        page.keyboard.press("Enter")
        expect(dialog(page)).to_be_hidden()
        told(row, "connected")
        expect(row).not_to_contain_text("asks you")
        assert page.url.endswith("/#/runs?q=config.")
        assert waiting.result(20).status_code == 200
        assert visitor.complaints == []


@needs_codes
def test_a_session_that_waits_for_somebody_says_so_at_its_place_and_in_its_row(
    browser: Browser, asking_server: Server, lab: dict[str, Any], app: Authenticator, viewer: Viewer
) -> None:
    with person_at(viewer) as person, visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        start = {**lab, "remote_root": str(asking_server.runs), "interactive": True}
        waiting = person.post("/api/remote/viewer/start", start)
        expect(dialog(page)).to_be_visible()
        dialog(page).get_by_label("Verification code:").fill(app.code())
        page.keyboard.press("Enter")
        session = waiting.result(60).json()["session"]
        host = page.get_by_role("region", name="Saved hosts").get_by_role("group", name="lab")
        row = page.get_by_role("group", name="Session on lab")
        told(host, "viewer running")
        told(row, "viewer running")
        expect(host.get_by_text("now", exact=True)).to_be_visible()  # nobody opened it on this page, and it is in use

        asking_server.kill_sshd_children()
        expect(row.get_by_text("waits for you to log in")).to_be_visible(timeout=20_000)
        told(row, "asks you")
        told(host, "asks you")
        page.get_by_role("link", name="Runs", exact=True).click()
        told(in_sidebar(page, "lab"), "asks you")
        log_in = f"Log in to {asking_server.account.username}@127.0.0.1:{asking_server.sshd.port}"
        expect(in_sidebar(page, "lab")).to_have_accessible_description(log_in)
        page.get_by_role("link", name="Remote").click()

        again = {"session_id": session["sessionId"], "login": True, "interactive": True}
        assert person.post("/api/remote/viewer/retry", again).result(20).status_code == 200
        expect(dialog(page)).to_be_visible()
        page.keyboard.press("Escape")
        expect(row.get_by_text("127.0.0.1 asks you")).to_be_visible()
        told(row, "asks you")
        told(host, "asks you")
        expect(row.get_by_role("button", name="Try now")).to_have_count(0)
        assert complaints(page) == []
        row.get_by_role("button", name="Answer").click()
        dialog(page).get_by_label("Verification code:").fill(app.code())
        page.keyboard.press("Enter")
        expect(row.get_by_text("running, reconnected 1 ×")).to_be_visible(timeout=40_000)
        told(row, "viewer running")
        told(host, "viewer running")
        viewer.post("/api/remote/viewer/stop", {"session_id": session["sessionId"]})


def test_a_hop_that_asks_is_told_at_the_place_that_is_logged_in_to(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Verification code: "]) as hop, run_asking() as last, person_at(viewer) as person:
        save(viewer, gpu=last.port, login=hop.port)
        body = know(viewer, last.port) | {"jumps": [f"me@localhost:{hop.port}"]}
        accept(viewer, connect(viewer, body))
        with visit(browser, f"{viewer.url}/#/runs") as visitor:
            page = visitor.page
            type_a_filter(page)
            waiting = person.connect(body)
            place = in_sidebar(page, "gpu")
            told(place, "asks you")
            told(in_sidebar(page, "login"), "not connected")
            asks = f"Answer what localhost asks, to log in as me@127.0.0.1:{last.port}"
            expect(place).to_have_accessible_description(asks)
            place.click()
            expect(page.get_by_role("dialog", name="localhost asks")).to_be_visible()
            page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
            told(place, "not connected")
            assert waiting.result(10).json()["code"] == "QUESTION_CANCELLED"


@pytest.mark.parametrize("way", ["sidebar", "search", "row"])
def test_each_place_that_asks_leads_to_its_own_question(way: str, browser: Browser, viewer: Viewer) -> None:
    with run_asking(["First code: "]) as one, run_asking(["Second code: "]) as two, person_at(viewer) as person:
        save(viewer, alpha=one.port, beta=two.port)
        bodies = [know(viewer, each.port) for each in (one, two)]
        with visit(browser, f"{viewer.url}/#/{'remote' if way == 'row' else 'runs'}") as visitor:
            page = visitor.page
            if way == "row":
                page.get_by_role("combobox", name="Server").fill("an")
            else:
                type_a_filter(page)
            for body in bodies:  # so that the first one's is the older
                person.connect(body)
                person.question_of(body["port"])
            choose(page, way, "beta")
            expect(dialog(page).get_by_label("Second code:")).to_be_focused()
            expect(dialog(page)).to_contain_text("One more question waits.")
            page.keyboard.type("2")
            page.keyboard.press("Enter")
            expect(dialog(page).get_by_label("Second code:")).to_have_count(0)
            eventually(lambda: two.typed == [("Second code: ", "2")])
            assert one.typed == []
            for question in person.questions():
                person.cancel(question)
            expect(dialog(page)).to_be_hidden()


def choose(page: Page, way: str, name: str) -> None:
    """Go to a place that asks."""
    if way == "sidebar":
        told(in_sidebar(page, name), "asks you")
        in_sidebar(page, name).click()
    elif way == "search":
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox", name="Search or jump")).to_be_focused()
        page.keyboard.type(name)
        option = page.get_by_role("option").filter(has_text=name)
        expect(option).to_contain_text("Answer")
        told(option, "asks you")
        page.keyboard.press("Enter")
    else:
        row = page.get_by_role("region", name="Saved hosts").get_by_role("group", name=name)
        told(row, "asks you")
        row.get_by_role("button", name="Answer").click()


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 1440), (False, 390), (True, 390)])
def test_places_that_ask_fit_and_are_accessible(dark: bool, width: int, browser: Browser, viewer: Viewer) -> None:
    narrow = width < 700
    with run_asking(["Verification code: "]) as asking, person_at(viewer) as person:
        save(viewer, **{"login-node-with-a-name-of-forty-characters": asking.port, "lab": 9})
        person.connect(know(viewer, asking.port))
        person.question()
        with visit(browser, f"{viewer.url}/#/remote", dark=dark, width=width, touch=narrow) as visitor:
            page = visitor.page
            expect(dialog(page)).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("region", name="A server’s question")).to_be_visible()
            row = page.get_by_role("region", name="Saved hosts").get_by_role("group", name="login-node")
            told(row, "asks you")
            assert inside(row.get_by_role("button", name="Answer"), width)
            assert inside(page.get_by_role("region", name="A server’s question"), width)
            assert complaints(page) == []
            page.goto(f"{viewer.url}/#/artifacts")
            page.get_by_role("link", name="Runs", exact=True).click()
            if narrow:
                page.get_by_role("button", name="Show projects").click()
            place = in_sidebar(page, "login-node")
            told(place, "asks you")
            assert inside(place.get_by_text("asks you", exact=True), width)
            place.click()
            expect(dialog(page).get_by_label("Verification code:")).to_be_focused()
            page.keyboard.press("Escape")
            expect(place).to_be_focused()
            person.cancel(person.question())
            told(place, "not connected")


def inside(found: Locator, width: int) -> bool:
    """Whether all of it is in sight from left to right."""
    box = found.bounding_box()
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
