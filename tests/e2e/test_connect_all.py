"""All saved hosts by one click: each on its own way, whoever asks, refuses or lacks something on the others'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.accounts import Account
from tests.support.axe import complaints
from tests.support.browser import visit
from tests.support.drawn_sweeps import write_run
from tests.support.remote import accept, connect, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import free_port, make_key
from tests.support.waiting import eventually


@dataclass
class Lab:
    """Servers of one account, and the list of saved hosts as a person would have it."""

    viewer: Viewer
    account: Account
    servers: dict[str, Server]
    saved: list[dict[str, Any]]

    def know(self, *names: str) -> None:
        """Accept the keys of these servers."""
        for name in names:
            accept(self.viewer, connect(self.viewer, self.servers[name].login()))

    def save(self) -> None:
        assert self.viewer.post("/api/remote/connections/saved", self.saved).json()["ok"] is True

    def add(self, name: str, **changes: Any) -> dict[str, Any]:
        server = self.servers[name]
        one = {
            "name": name,
            "host": "127.0.0.1",
            "port": server.sshd.port,
            "username": self.account.username,
            "authMethod": "key",
            "privateKeyPath": str(server.key),
            "remoteRoot": str(server.runs),
            "mode": "agent",
            "lastUsedAt": 1000 - len(self.saved),
        }
        self.saved.append({**one, **changes})
        return self.saved[-1]

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.viewer.get("/api/remote/viewer/sessions").json()["sessions"]
        return found

    def connections(self) -> set[int]:
        """Return the ports of the servers to which there is a connection."""
        return {each["port"] for each in self.viewer.get("/api/remote/sessions").json()["sessions"]}


@pytest.fixture
def lab(bare_account: Account, viewer: Viewer, tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        servers = {}
        for name in ("gpu-1", "gpu-2", "gpu-3"):
            (tmp_path / name).mkdir()
            servers[name] = stack.enter_context(run_server(bare_account, tmp_path / name))
            run_id = f"20261120-10000{len(servers)}-00000a"
            write_run(servers[name].runs, run_id, {"loss": ([0, 1], [1.0, 0.5])}, {"name": f"on-{name}"})
        lab = Lab(viewer, bare_account, servers, [])
        yield lab
        if lab.viewer.process.poll() is None:
            for session in lab.sessions():
                assert stop(lab.viewer, session).json()["ok"] is True


def sidebar(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Projects and hosts")


def place(page: Page, name: str) -> Locator:
    """Return the row of a host in the sidebar."""
    return sidebar(page).get_by_role("button", name=re.compile(f"^(?!Give up|Dismiss|Open|No longer).*{name}"))


def told(page: Page, name: str, state: str) -> None:
    expect(place(page, name).get_by_role("img", name=state, exact=True)).to_be_visible()


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=f"on-{name}"))


def connect_all(page: Page) -> Locator:
    return sidebar(page).get_by_role("button", name="Connect all")


def asks(page: Page) -> Locator:
    return page.get_by_role("dialog", name="127.0.0.1 asks")


def test_each_host_is_connected_on_its_own_way(browser: Browser, lab: Lab) -> None:
    lab.know("gpu-1", "gpu-2", "gpu-3")
    lab.add("gpu-3", authMethod="password", privateKeyPath=None)
    lab.add("gpu-1")
    lab.saved.append({**lab.add("gpu-2"), "name": "gpu-down", "port": free_port()})
    lab.saved.append({**lab.saved[0], "name": "gpu-new", "port": free_port(), "remoteRoot": None, "mode": None})
    lab.save()
    with visit(browser, f"{lab.viewer.url}/#/runs") as visitor:
        page = visitor.page
        connect_all(page).click()

        # While the question stands, two show their runs, and the others say what they lack.
        expect(asks(page)).to_be_visible()
        expect(row_of(page, "gpu-1")).to_contain_text("gpu-1")
        expect(row_of(page, "gpu-2")).to_contain_text("gpu-2")
        told(page, "gpu-down", "failed")
        expect(place(page, "gpu-down")).to_contain_text("refused")
        expect(place(page, "gpu-new")).to_contain_text("no folder yet")
        told(page, "gpu-new", "not connected")
        told(page, "gpu-3", "asks you")
        expect(row_of(page, "gpu-3")).to_have_count(0)
        expect(asks(page).get_by_label(re.compile("^Password for"))).to_be_focused()
        assert complaints(page) == []
        assert lab.connections() == {lab.servers[name].sshd.port for name in ("gpu-1", "gpu-2")}

        assert lab.account.password
        page.keyboard.type(lab.account.password)
        page.keyboard.press("Enter")
        expect(row_of(page, "gpu-3")).to_contain_text("gpu-3")
        expect(asks(page)).to_have_count(0)
        expect(page).to_have_url(re.compile(r"#/runs$"))
        expect(connect_all(page)).to_have_count(0)
        told(page, "gpu-3", "viewer running")

        # What was said of a host goes when it was read.
        sidebar(page).get_by_role("button", name="Dismiss what is said of gpu-down").click()
        told(page, "gpu-down", "not connected")
        assert [each for each in visitor.complaints if "Failed to load resource" not in each] == []
    # Every one of those that were connected is remembered as that, though all were at the same time.
    kept = {each["name"]: each for each in lab.viewer.get("/api/remote/connections/saved").json()["connections"]}
    assert {name for name, each in kept.items() if each["lastUsedAt"] > 10_000} == {"gpu-1", "gpu-2", "gpu-3"}
    assert all(kept[each["name"]]["remoteRoot"] == each["remoteRoot"] for each in lab.saved)


def test_host_keys_and_passwords_queue_up_and_each_host_is_given_up_by_itself(browser: Browser, lab: Lab) -> None:
    lab.know("gpu-3")
    for name in ("gpu-1", "gpu-2"):
        lab.add(name)
    lab.add("gpu-3", authMethod="password", privateKeyPath=None)
    lab.save()
    key_dialog = re.compile("Confirm the host key")
    with visit(browser, f"{lab.viewer.url}/#/runs") as visitor:
        page = visitor.page
        connect_all(page).click()
        for name in ("gpu-1", "gpu-2", "gpu-3"):
            told(page, name, "asks you")
        # Whichever came first, there is one at a time, and the other two wait.
        expect(page.get_by_role("dialog")).to_have_count(1)
        assert lab.sessions() == []
        given_up = "gpu-2"
        for _ in range(3):
            expect(page.get_by_role("dialog")).to_have_count(1)
            if asks(page).count():
                asks(page).get_by_label(re.compile("^Password for")).fill(str(lab.account.password))
                page.keyboard.press("Enter")
                told(page, "gpu-3", "viewer running")
                continue
            dialog = page.get_by_role("dialog", name=key_dialog)
            port = lab.servers["gpu-1"].sshd.port
            if dialog.get_by_text(f":{port}").count():
                dialog.get_by_role("button", name="Accept key").click()
                told(page, "gpu-1", "viewer running")
            else:
                dialog.get_by_role("button", name="Cancel").click()
                told(page, given_up, "not connected")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(row_of(page, "gpu-1")).to_be_visible()
        expect(row_of(page, "gpu-3")).to_be_visible()
        expect(row_of(page, given_up)).to_have_count(0)
    known = {each["port"] for each in lab.viewer.get("/api/remote/known-hosts/list").json()["entries"]}
    assert known == {lab.servers[name].sshd.port for name in ("gpu-1", "gpu-3")}
    assert lab.connections() == known


def test_a_host_is_given_up_while_another_one_goes_on(browser: Browser, lab: Lab) -> None:
    lab.know("gpu-1", "gpu-2")
    lab.add("gpu-1", authMethod="password", privateKeyPath=None)
    lab.add("gpu-2", authMethod="password", privateKeyPath=None)
    lab.save()
    with visit(browser, f"{lab.viewer.url}/#/runs") as visitor:
        page = visitor.page
        connect_all(page).click()
        expect(asks(page)).to_contain_text("One more question waits.")
        first = "gpu-1" if asks(page).get_by_text(f":{lab.servers['gpu-1'].sshd.port}").count() else "gpu-2"
        second = {"gpu-1": "gpu-2", "gpu-2": "gpu-1"}[first]
        asks(page).get_by_role("button", name="Cancel").click()
        told(page, first, "not connected")
        # The other one's question takes its place.
        expect(asks(page)).to_contain_text(f":{lab.servers[second].sshd.port}")
        asks(page).get_by_label(re.compile("^Password for")).fill(str(lab.account.password))
        page.keyboard.press("Enter")
        expect(row_of(page, second)).to_be_visible()
        told(page, first, "not connected")
        assert lab.connections() == {lab.servers[second].sshd.port}


def test_a_key_that_is_encrypted_asks_for_its_passphrase_beside_the_others(
    browser: Browser, lab: Lab, tmp_path: Path
) -> None:
    lab.know("gpu-1", "gpu-2")
    locked = make_key(tmp_path / "locked", "ed25519", "opens it")
    lab.servers["gpu-2"].sshd.authorize(lab.account.username, locked.with_suffix(".pub"))
    lab.add("gpu-1")
    lab.add("gpu-2", privateKeyPath=str(locked))
    lab.save()
    with visit(browser, f"{lab.viewer.url}/#/runs") as visitor:
        page = visitor.page
        connect_all(page).click()
        dialog = page.get_by_role("dialog", name=re.compile("is encrypted"))
        expect(dialog.get_by_label("Passphrase")).to_be_focused()
        told(page, "gpu-2", "asks you")
        expect(row_of(page, "gpu-1")).to_be_visible()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(dialog.get_by_text(re.compile("passphrase", re.IGNORECASE)).last).to_be_visible()
        expect(dialog.get_by_label("Passphrase")).to_have_value("")
        page.keyboard.type("opens it")
        page.keyboard.press("Enter")
        expect(row_of(page, "gpu-2")).to_be_visible()
        expect(dialog).to_have_count(0)


def test_one_host_alone_has_no_button_for_all(browser: Browser, lab: Lab) -> None:
    lab.know("gpu-1", "gpu-2")
    lab.add("gpu-1")
    lab.add("gpu-2")
    lab.save()
    with visit(browser, f"{lab.viewer.url}/#/runs") as visitor:
        page = visitor.page
        expect(connect_all(page)).to_be_visible()
        place(page, "gpu-1").click()
        expect(row_of(page, "gpu-1")).to_be_visible()
        expect(connect_all(page)).to_have_count(0)
        # Nothing was opened on the other one.
        eventually(lambda: len(lab.sessions()) == 1)
        assert lab.connections() == {lab.servers["gpu-1"].sshd.port}
        told(page, "gpu-2", "not connected")


def again(page: Page) -> Locator:
    return page.get_by_role("checkbox", name="Reconnect the last ones at start")


def test_the_last_ones_are_connected_again_only_if_that_was_asked_for(
    browser: Browser, lab: Lab, tmp_path: Path
) -> None:
    lab.know("gpu-1", "gpu-2", "gpu-3")
    for name in ("gpu-1", "gpu-2", "gpu-3"):
        lab.add(name)
    lab.save()
    root, home, port = tmp_path / "local-root", tmp_path / "home", free_port()
    lab.viewer.stop()
    with visit(browser, "about:blank") as visitor:
        page = visitor.page

        def opened(stack: ExitStack) -> Viewer:
            """Start a viewer on the same address, as on another day, and open its page."""
            viewer = stack.enter_context(run_viewer(root, home, port=port))
            page.goto("about:blank")
            page.goto(f"{viewer.url}/#/runs")
            lab.viewer = viewer
            return viewer

        with ExitStack() as stack:
            opened(stack)
            connect_all(page).click()
            for name in ("gpu-1", "gpu-2", "gpu-3"):
                expect(row_of(page, name)).to_be_visible()
        with ExitStack() as stack:
            opened(stack)
            for name in ("gpu-1", "gpu-2", "gpu-3"):
                told(page, name, "not connected")
            page.wait_for_timeout(1000)
            assert (lab.sessions(), lab.connections()) == ([], set())
            page.get_by_role("link", name="Remote", exact=True).click()
            expect(again(page)).not_to_be_checked()
            again(page).check()
        with ExitStack() as stack:
            opened(stack)
            for name in ("gpu-1", "gpu-2", "gpu-3"):
                told(page, name, "viewer running")
                expect(row_of(page, name)).to_be_visible()
            # One that a person stops is none of the last ones any more.
            (stopped,) = [each for each in lab.sessions() if each["sshPort"] == lab.servers["gpu-2"].sshd.port]
            assert stop(lab.viewer, stopped).json()["ok"] is True
            expect(row_of(page, "gpu-2")).to_have_count(0)
            told(page, "gpu-2", "connected")
        with ExitStack() as stack:
            opened(stack)
            for name in ("gpu-1", "gpu-3"):
                told(page, name, "viewer running")
                expect(row_of(page, name)).to_be_visible()
            page.wait_for_timeout(1000)
            assert {each["sshPort"] for each in lab.sessions()} == {
                lab.servers[name].sshd.port for name in ("gpu-1", "gpu-3")
            }
            for session in lab.sessions():
                stop(lab.viewer, session)
