"""The dialog in which a server's questions are put to a person: in the connect, from another window, from a session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.accounts import Account
from tests.support.asking import Asking, Said, run_asking
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.pam import Authenticator, missing_for_codes, pam_service
from tests.support.questions import know, person_at
from tests.support.server import run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually

ASKS_BY_PAM = {
    "UsePAM": "yes",
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "PubkeyAuthentication": "no",
}
WORDS = Said(
    ["Account:", "PIN:"],
    "Cluster <i>login</i>",
    "Open the app on your phone.\n<img src=x onerror=alert(1)> \x1b[31mnow\x1b[0m",
    seen=(0,),
)


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    home = tmp_path_factory.mktemp("home")
    with run_viewer(home / "root", home) as viewer:
        yield viewer


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="127.0.0.1 asks")


def begin(page: Page, asking: Asking) -> None:
    """Type the server and press Enter, with nothing else to log in with."""
    page.get_by_role("combobox", name="Server").fill(f"me@127.0.0.1:{asking.port}")
    page.keyboard.press("Enter")


def flow(page: Page) -> Locator:
    return page.get_by_role("region", name=re.compile("^Opening "))


def test_a_password_and_a_code_are_answered_by_keys_alone(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Password: "], ["Verification code: "]) as asking:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            begin(page, asking)
            field = dialog(page).get_by_label("Password:")
            expect(field).to_be_focused()
            expect(field).to_have_attribute("type", "password")
            expect(dialog(page).get_by_role("timer")).to_have_text(re.compile(r"^(2:00|1:5\d) left$"))
            expect(flow(page).get_by_text("127.0.0.1 asks you something")).to_be_attached()
            page.keyboard.type(asking.password)
            page.keyboard.press("Enter")
            code = dialog(page).get_by_label("Verification code:")
            expect(code).to_be_focused()
            expect(code).to_have_attribute("autocomplete", "one-time-code")
            page.keyboard.type("246810")
            page.keyboard.press("Enter")
            expect(dialog(page)).to_be_hidden()
            expect(page.locator("[data-stage=login]")).to_have_attribute("data-state", "done")
            assert asking.typed == [("Password: ", asking.password), ("Verification code: ", "246810")]


def test_the_servers_words_are_shown_as_text_and_as_its_own(browser: Browser, viewer: Viewer) -> None:
    with run_asking(WORDS) as asking:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            begin(page, asking)
            said = dialog(page).get_by_role("group", name="What 127.0.0.1 says")
            expect(said).to_contain_text("Cluster <i>login</i>")
            expect(said).to_contain_text("<img src=x onerror=alert(1)> ␛[31mnow␛[0m")
            assert said.locator("img, i").count() == 0
            expect(dialog(page).get_by_label("Account:")).to_have_attribute("type", "text")
            expect(dialog(page).get_by_label("PIN:")).to_have_attribute("type", "password")
            assert complaints(page) == []
            # Enter goes on to what is still empty, and answers only then.
            page.keyboard.type("me")
            page.keyboard.press("Enter")
            expect(dialog(page).get_by_label("PIN:")).to_be_focused()
            page.keyboard.type("1234")
            page.keyboard.press("Enter")
            expect(dialog(page)).to_be_hidden()
            eventually(lambda: [given for _, given in asking.typed] == ["me", "1234"])
            # The server runs no commands, which the page is told as an error of status 500.
            assert [each for each in visitor.complaints if "status of 500" not in each] == []


def test_it_takes_no_key_from_who_went_on_typing(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Password: "], ["Verification code: "], checks_secs=1.5) as asking:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            begin(page, asking)
            dialog(page).get_by_label("Password:").fill(asking.password)
            page.keyboard.press("Enter")
            expect(dialog(page)).to_have_count(0)
            server = page.get_by_role("combobox", name="Server")
            server.fill("another")
            answer = page.get_by_role("button", name="Answer", exact=True)
            expect(answer).to_be_visible()
            expect(server).to_be_focused()
            expect(dialog(page)).to_have_count(0)
            answer.click()
            expect(dialog(page).get_by_label("Verification code:")).to_be_focused()
            page.keyboard.type("246810")
            page.keyboard.press("Enter")
            expect(page.locator("[data-stage=login]")).to_have_attribute("data-state", "done")


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_cancel_gives_the_login_up(way: str, browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Verification code: "]) as asking, person_at(viewer) as person:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            begin(page, asking)
            expect(dialog(page)).to_be_visible()
            if way == "button":
                dialog(page).get_by_role("button", name="Cancel").click()
            else:
                page.keyboard.press("Escape")
            expect(dialog(page)).to_be_hidden()
            expect(flow(page).get_by_text("Cancelled")).to_be_visible()
            assert person.questions() == []
            assert asking.typed == []


def test_it_goes_away_when_it_is_answered_elsewhere(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Verification code: "]) as asking, person_at(viewer) as person:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            begin(visitor.page, asking)
            expect(dialog(visitor.page)).to_be_visible()
            person.answer(person.question(), "246810")
            expect(dialog(visitor.page)).to_be_hidden()


def test_it_goes_away_when_the_server_no_longer_waits(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Verification code: "], patience_secs=2.0) as asking:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            begin(page, asking)
            expect(dialog(page)).to_be_visible()
            page.keyboard.type("2468")
            expect(dialog(page)).to_be_hidden()
            expect(flow(page).get_by_role("alert")).to_contain_text("closed the connection while it waited")
            expect(flow(page).get_by_role("button", name="Retry")).to_be_visible()


def test_what_another_window_asks_comes_over_nothing_that_is_typed(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Verification code: "]) as asking, person_at(viewer) as person:
        body = know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/runs") as visitor:
            page = visitor.page
            page.keyboard.press("/")
            page.keyboard.type("config.")
            waiting = person.connect(body)
            bar = page.get_by_text("asks you something to log in")
            expect(bar).to_be_visible()
            page.keyboard.type("lr")
            expect(page.locator("input:focus")).to_have_value("config.lr")
            expect(dialog(page)).to_be_hidden()
            page.get_by_role("button", name="Answer").click()
            expect(dialog(page)).to_be_visible()
            # Closing it puts it off: it is another window's.
            page.keyboard.press("Escape")
            expect(dialog(page)).to_be_hidden()
            assert len(person.questions()) == 1
            page.get_by_role("button", name="Answer").click()
            dialog(page).get_by_label("Verification code:").fill("246810")
            page.keyboard.press("Enter")
            assert waiting.result(10).status_code == 200


def test_what_is_being_answered_is_not_replaced_by_a_question_of_ones_own_attempt(
    browser: Browser, viewer: Viewer
) -> None:
    with (
        run_asking(["Password: "], ["Verification code: "], checks_secs=2.0) as own,
        run_asking(["Token: "]) as other,
        person_at(viewer) as person,
        visit(browser, f"{viewer.url}/#/remote") as visitor,
    ):
        page = visitor.page
        know(viewer, own.port)
        body = know(viewer, other.port)
        begin(page, own)
        dialog(page).get_by_label("Password:").fill(own.password)
        waiting = person.connect(body)
        person.question_of(other.port)
        page.keyboard.press("Enter")
        expect(dialog(page)).to_have_count(0)
        page.get_by_role("button", name="Answer", exact=True).click()
        page.keyboard.type("13")
        person.question_of(own.port, "Verification code:")
        expect(dialog(page)).to_contain_text("One more question waits.")
        expect(dialog(page).get_by_label("Token:")).to_have_value("13")
        page.keyboard.type("57")
        page.keyboard.press("Enter")
        expect(dialog(page).get_by_label("Verification code:")).to_be_focused()
        assert waiting.result(10).status_code == 200
        assert other.typed == [("Token: ", "1357")]
        page.keyboard.press("Escape")
        expect(flow(page).get_by_text("Cancelled")).to_be_visible()


@pytest.mark.skipif(bool(missing_for_codes()), reason=missing_for_codes() or "-")
def test_a_session_whose_link_broke_asks_whoever_wants_it_back(
    browser: Browser, viewer: Viewer, server_account: Account, tmp_path: Path
) -> None:
    app = Authenticator(server_account)
    with ExitStack() as stack:
        stack.callback((server_account.home / ".google_authenticator").unlink)
        service = stack.enter_context(pam_service("auth required pam_google_authenticator.so"))
        server = stack.enter_context(run_server(server_account, tmp_path, options=ASKS_BY_PAM, service=service))
        person = stack.enter_context(person_at(viewer))
        body = know(viewer, server.sshd.port, server.account.username)
        start = {**body, "remote_root": str(server.runs), "interactive": True}
        waiting = person.post("/api/remote/viewer/start", start)
        person.answer(person.question(), app.code())
        session = waiting.result(60).json()["session"]
        page = stack.enter_context(visit(browser, f"{viewer.url}/#/remote")).page
        row = page.get_by_role("group", name="Session on 127.0.0.1")
        expect(row.get_by_text("running")).to_be_visible()
        server.kill_sshd_children()
        expect(row.get_by_text("waits for you to log in")).to_be_visible(timeout=20_000)
        row.get_by_role("button", name="Try again").click()
        expect(dialog(page).get_by_text("the session comes back on its address")).to_be_visible()
        dialog(page).get_by_label("Verification code:").fill(app.code())
        page.keyboard.press("Enter")
        expect(dialog(page)).to_be_hidden()
        expect(row).to_be_focused()
        expect(row.get_by_text("running, reconnected 1 ×")).to_be_visible(timeout=40_000)
        viewer.post("/api/remote/viewer/stop", {"session_id": session["sessionId"]})


def test_a_wrong_answer_is_told_and_can_be_tried_again(browser: Browser, viewer: Viewer) -> None:
    with run_asking(["Verification code: "]) as asking:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            begin(page, asking)
            dialog(page).get_by_label("Verification code:").fill("000000")
            page.keyboard.press("Enter")
            expect(flow(page).get_by_text("AUTH_FAILED", exact=True)).to_be_visible()
            flow(page).get_by_role("radio", name="Agent or default keys").check()
            flow(page).get_by_role("button", name="Log in").click()
            dialog(page).get_by_label("Verification code:").fill("246810")
            page.keyboard.press("Enter")
            expect(page.locator("[data-stage=login]")).to_have_attribute("data-state", "done")
            assert asking.failures == 1


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 1440), (False, 390)])
def test_it_fits_and_is_accessible(dark: bool, width: int, browser: Browser, viewer: Viewer, tmp_path: Path) -> None:
    with run_asking(WORDS) as asking:
        know(viewer, asking.port)
        with visit(browser, f"{viewer.url}/#/remote", dark=dark, width=width, touch=width < 500) as visitor:
            page = visitor.page
            begin(page, asking)
            expect(dialog(page)).to_be_visible()
            box = dialog(page).bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert complaints(page) == []
            page.keyboard.press("Escape")
            expect(dialog(page)).to_be_hidden()
