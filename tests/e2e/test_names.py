"""A server is typed as for ssh: its names are offered, and what it means is shown before anything is sent."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import visit
from tests.support.certificates import FOR_IT, certify, public
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import Sshd, make_key, run_sshd

from runicorn.remote.trust.known_hosts import parse_public_key

OTHER_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
CONFIG = """
Host login.hpc
  User alice
Host gpu-7 gpu-8 *.wild
  HostName gpu-7.cluster.invalid
  Port 2200
  User alice
  ProxyJump login.hpc
Host loop
  ProxyJump loop
"""


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(CONFIG)
    with (
        run_viewer(tmp_path / "root", home) as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/remote") as visited,
    ):
        yield visited.page


def server(page: Page):  # type: ignore[no-untyped-def]
    return page.get_by_role("combobox", name="Server")


def test_the_names_of_the_config_are_offered(page: Page) -> None:
    server(page).focus()
    expect(page.locator("#server-names option")).to_have_count(4)
    names = page.locator("#server-names option").evaluate_all("all => all.map(one => one.value)")
    assert names == ["login.hpc", "gpu-7", "gpu-8", "loop"]


def test_the_way_is_shown_once_a_name_was_chosen(page: Page) -> None:
    server(page).fill("gpu-7")
    page.keyboard.press("Tab")
    expect(page.locator("#server-note")).to_contain_text(
        "via login.hpc as alice, then gpu-7.cluster.invalid as alice, port 2200"
    )
    server(page).fill("ssh -J one,bob@two gpu-8")
    expect(page.locator("#server-note")).not_to_contain_text("via login.hpc")
    page.keyboard.press("Tab")
    expect(page.locator("#server-note")).to_contain_text(
        f"via one as {getpass.getuser()}, via two as bob, then gpu-7.cluster.invalid as alice"
    )


def test_what_cannot_be_is_said_in_place_and_begins_nothing(page: Page) -> None:
    for typed, said in (
        ("", "Type the server as for ssh"),
        ("loop", "jumphost loop via loop"),
        ("ssh -F other gpu-7", "-F of ssh is not taken over here"),
        ("me@gpu:0", "is no port"),
    ):
        server(page).fill(typed)
        page.keyboard.press("Enter")
        expect(page.locator("#server-note").get_by_role("alert")).to_contain_text(said)
        expect(server(page)).to_be_focused()
        expect(page.get_by_role("region", name="Opening")).to_have_count(0)


@contextmanager
def opening(browser: Browser, folder: Path, sshd: Sshd, known_hosts: Path) -> Iterator[tuple[Viewer, Page]]:
    """Show the page of a person who has just typed a server, of which this file of their own may know."""
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        f"Host there\n HostName 127.0.0.1\n Port {sshd.port}\n UserKnownHostsFile {known_hosts}\n"
    )
    with (
        run_viewer(folder / "root", home) as viewer,
        visit(browser, f"http://localhost:{viewer.port}/#/remote") as visited,
    ):
        server(visited.page).fill("me@there")
        visited.page.keyboard.press("Enter")
        yield viewer, visited.page


def test_a_key_that_ssh_knows_is_told_and_taken_over_by_a_click(browser: Browser, tmp_path: Path) -> None:
    own = tmp_path / "own_known_hosts"
    with run_sshd() as sshd:
        own.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key()}\n")
        with opening(browser, tmp_path, sshd, own) as (viewer, page):
            dialog = page.get_by_role("dialog", name="Confirm the host key of 127.0.0.1")
            expect(dialog).to_contain_text(f"Your own {own} holds this very key")
            dialog.get_by_role("button", name="Take the key over").click()
            expect(dialog).to_have_count(0)
            page.get_by_role("dialog", name="127.0.0.1 asks").get_by_role("button", name="Cancel").click()
            assert len(viewer.get("/api/remote/known-hosts/list").json()["entries"]) == 1
            viewer.post(
                "/api/remote/known-hosts/remove", viewer.get("/api/remote/known-hosts/list").json()["entries"][0]
            )
            own.write_text(f"[127.0.0.1]:{sshd.port} ssh-ed25519 {OTHER_KEY}\n")
            server(page).fill("me@there")
            page.keyboard.press("Enter")
            expect(dialog).to_contain_text("holds another key for this server")
            accept = dialog.get_by_role("button", name="Accept key")
            expect(accept).to_be_disabled()
            dialog.get_by_role("textbox").fill("127.0.0.1")
            expect(accept).to_be_enabled()


def test_a_key_that_an_authority_certified_is_told_with_who_that_is(browser: Browser, tmp_path: Path) -> None:
    own = tmp_path / "own_known_hosts"
    authority = make_key(tmp_path / "authority")
    with run_sshd() as sshd:
        certify(sshd, authority, *FOR_IT)
        own.write_text(f"@cert-authority * {public(authority)}\n")
        with opening(browser, tmp_path, sshd, own) as (viewer, page):
            dialog = page.get_by_role("dialog", name="Confirm the host key of 127.0.0.1")
            expect(dialog).to_contain_text(f"certified by an authority that your own {own} trusts")
            expect(dialog).to_contain_text("as “gpu-7 of the lab”")
            signer = parse_public_key(public(authority)).fingerprint_sha256
            expect(dialog.get_by_role("img", name=signer)).to_be_visible()
            page.set_viewport_size({"width": 390, "height": 800})
            body = dialog.locator(".dialog-body")
            assert body.evaluate("body => body.scrollWidth - body.clientWidth") == 0  # nothing is cut off
            dialog.get_by_role("button", name="Take the key over").click()
            expect(dialog).to_have_count(0)
            page.get_by_role("dialog", name="127.0.0.1 asks").get_by_role("button", name="Cancel").click()
            (known,) = viewer.get("/api/remote/known-hosts/list").json()["entries"]
            assert known["key_type"] == "ssh-ed25519"
            viewer.post("/api/remote/known-hosts/accept", acceptance(port=sshd.port, key=f"ssh-ed25519 {OTHER_KEY}"))
            server(page).fill("me@there")
            page.keyboard.press("Enter")
            changed = page.get_by_role("dialog", name="The host key of 127.0.0.1 has changed")
            expect(changed).to_contain_text("The new key was certified by an authority")
            expect(changed.get_by_role("button", name="Replace key")).to_be_disabled()


def acceptance(port: int, key: str) -> dict[str, object]:
    """Return what accepts a key for this port."""
    parsed = parse_public_key(key)
    return {
        "host": "127.0.0.1",
        "port": port,
        "key_type": parsed.key_type,
        "public_key": key,
        "fingerprint_sha256": parsed.fingerprint_sha256,
    }


def test_a_pasted_command_brings_its_key_and_its_jumps(page: Page) -> None:
    with page.expect_request("**/api/remote/connect") as asked:
        server(page).fill("ssh -p 2222 -i ~/.ssh/no-such-key -J 127.0.0.1:1 me@127.0.0.1")
        page.keyboard.press("Enter")
    body = asked.value.post_data_json
    assert (body["host"], body["port"], body["username"]) == ("127.0.0.1", 2222, "me")
    assert (body["private_key_path"], body["jumps"]) == ("~/.ssh/no-such-key", ["127.0.0.1:1"])
    expect(page.get_by_role("region", name="Opening").get_by_role("alert").first).to_contain_text("no-such-key")
