"""A person watches a run on a server they reach only by SSH, with the mouse, from the first visit to the end."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser import choose_installed, connect_by_key, visit
from tests.support.link import run_link
from tests.support.processes import names_of
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, tunnel_folders
from tests.support.waiting import eventually, eventually_nothing
from tests.support.watched import FakeSession, run_watched


def points(chart: Locator) -> int:
    return int(chart.get_attribute("data-points") or 0)


def fingerprint(server: Server) -> str:
    command = ["ssh-keygen", "-lf", str(server.sshd.folder / "host_ed25519.pub")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]


def test_a_person_connects_accepts_starts_and_sees_the_curve_grow(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    folders_before = tunnel_folders()
    server.train()
    with visit(browser, viewer.url) as visitor:
        page = visitor.page
        page.get_by_role("link", name="Remote").click()
        connect_by_key(page, server)

        dialog = page.get_by_role("dialog", name=re.compile("host key"))
        shown = "".join((dialog.inner_text()).split())
        assert fingerprint(server) in shown
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        dialog.get_by_role("button", name="Accept key").click()

        choose_folder_by_browsing(page, server)
        page.get_by_role("button", name="Start viewer").click()

        page.wait_for_url(re.compile(r"http://localhost:\d+/"))
        expect(page.get_by_text("on-the-server")).to_be_visible()
        chart = page.locator('[data-metric="train/loss"]').first
        expect(chart).to_be_visible()
        seen = int(eventually(lambda: points(chart)))
        eventually(lambda: points(chart) > seen + 50, what="the points of the curve")
        tunnel_url = page.url
        assert visitor.complaints == []

        page.get_by_role("link", name="Manage").click()
        page.wait_for_url(re.compile(rf":{viewer.port}/"))
        page.get_by_role("button", name="Stop", exact=True).click()
        eventually_nothing(server.processes, 3)
        eventually_nothing(server.traces, 3)
        assert server.listening_ports() == set()

    session = viewer.get("/api/remote/viewer/sessions", ended=True).json()["sessions"][0]
    assert session["status"] == "stopped"
    assert f":{session['localPort']}/" in tunnel_url
    assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True
    eventually_nothing(lambda: leftovers(viewer), 3)
    assert tunnel_folders() <= folders_before


def choose_folder_by_browsing(page: Page, server: Server) -> None:
    """Pick the environment that has runicorn and the folder of the runs, by mouse."""
    choose_installed(page)
    page.get_by_role("button", name="Browse", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(server.runs.name, exact=True).dblclick()
    dialog.get_by_role("button", name="Use this folder").click()
    expect(page.get_by_role("textbox", name="Folder")).to_have_value(str(server.runs))


def test_an_environment_that_lies_where_nobody_looks_is_typed_as_its_path(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    far = server.account.home / "scratch" / "deep" / "er" / "my env"
    far.parent.mkdir(parents=True)
    far.symlink_to(server.python.parents[1])
    accept(viewer, connect(viewer, server.login()))
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        connect_by_key(page, server)
        page.get_by_text("Another one, by its path").click()
        field = page.get_by_role("textbox", name="Its folder, or its Python")
        field.fill("~/scratch/deep/nothing")
        field.press("Enter")
        here = server.account.home / "scratch/deep/nothing"
        expect(page.get_by_role("alert")).to_have_text(f"It has no Python: {here} does not exist.")
        field.fill("~/scratch/deep/er/my env")
        field.press("Enter")
        expect(page.get_by_role("radio", name="~/scratch/deep/er/my env")).to_be_checked()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("textbox", name="Folder", exact=True).fill(str(server.runs))
        page.get_by_role("button", name="Start viewer").click()
        page.wait_for_url(re.compile(r"http://localhost:\d+/"))
    (session,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
    saved = viewer.get("/api/remote/connections/saved").json()["connections"][0]
    assert (session["condaEnv"], saved["condaEnv"]) == ("~/scratch/deep/er/my env",) * 2
    stop(viewer, session)
    again = start(viewer, server.login(remote_root=str(server.runs), conda_env=session["condaEnv"]))
    stop(viewer, again)
    far.unlink()


def leftovers(viewer: Viewer) -> list[str]:
    """Return children and listening ports of the viewer besides its own."""
    process = psutil.Process(viewer.process.pid)
    children = names_of(process.children(recursive=True))
    ports = {each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    return children + [f"port {port}" for port in ports - {viewer.port}]


def test_a_changed_host_key_needs_the_hosts_name_typed(browser: Browser, server: Server, viewer: Viewer) -> None:
    known_hosts = Path(psutil.Process(viewer.process.pid).environ()["RUNICORN_HOME"]) / "known_hosts"
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    other = (server.key.with_suffix(".pub")).read_text().split()
    known_hosts.write_text(f"[127.0.0.1]:{server.sshd.port} {other[0]} {other[1]}\n")
    with visit(browser, f"{viewer.url}/#/remote", dark=True) as visitor:
        page = visitor.page
        connect_by_key(page, server)
        dialog = page.get_by_role("dialog", name=re.compile("host key"))
        replace = dialog.get_by_role("button", name="Replace key")
        expect(replace).to_be_disabled()
        dialog.get_by_role("textbox").fill("127.0.0.1")
        expect(replace).to_be_enabled()
        replace.click()
        expect(page.get_by_role("button", name="Open its page")).to_be_visible()


def test_a_wrong_password_says_so_in_place_and_keeps_what_was_typed(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    typed = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
    with visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        page.get_by_role("combobox", name="Server").fill(typed)
        page.get_by_role("button", name="Login").click()
        page.get_by_role("radio", name="Password").check()
        page.get_by_label("Password", exact=True).last.fill("wrong")
        page.get_by_role("button", name="Connect", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Accept key").click()
        expect(page.get_by_text("AUTH_FAILED").first).to_be_visible()
        expect(page.get_by_role("combobox", name="Server")).to_have_value(typed)


def test_a_password_and_a_pasted_key_log_in(browser: Browser, server: Server, viewer: Viewer) -> None:
    for login, label, secret in (
        ("Password", "Password", server.account.password or ""),
        ("Paste key", "Private key", server.key.read_text()),
    ):
        with visit(browser, f"{viewer.url}/#/remote") as visitor:
            page = visitor.page
            page.get_by_role("combobox", name="Server").fill(f"{server.account.username}@127.0.0.1:{server.sshd.port}")
            page.get_by_role("button", name="Login").click()
            page.get_by_role("radio", name=login).check()
            page.get_by_label(label, exact=True).last.fill(secret)
            page.get_by_role("button", name="Connect", exact=True).click()
            if login == "Password":  # the first to come is asked about the host key
                page.get_by_role("dialog").get_by_role("button", name="Accept key").click()
            expect(page.get_by_role("button", name="Open its page")).to_be_visible()
            assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})").find(secret) == -1
        assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True
    saved = viewer.get("/api/remote/connections/saved").text
    assert "PRIVATE KEY" not in saved
    assert (server.account.password or "?") not in saved


def test_a_cut_link_comes_back_without_a_reload_and_without_a_lost_point(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    """The network resets every connection, twice; at the end the page has exactly the points that are on the disk."""
    steps = 600
    with run_link(server.sshd.port) as link:
        body = server.login(remote_root=str(server.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        script = server.train(steps, 0.02)
        with visit(browser, session["url"]) as visitor:
            page = visitor.page
            chart = page.locator('[data-metric="train/loss"]').first
            expect(chart).to_be_visible()
            page.evaluate("window.sameDocument = true")
            status = f"/api/remote/viewer/status/{session['sessionId']}"
            for cuts in (1, 2):
                seen = points(chart)
                eventually(lambda seen=seen: points(chart) > seen + 20, what="the points of the curve")
                link.cut()
                eventually(lambda cuts=cuts: viewer.get(status).json()["reconnects"] == cuts, 15, "the reconnect")
            script.wait(60)
            eventually(lambda: points(chart) == steps, 15, "all points, none twice")
            assert page.evaluate("window.sameDocument") is True
            (metrics,) = server.runs.glob("runs/*/metrics.bin")
            assert metrics.stat().st_size == 2 * steps * 32
        assert stop(viewer, session).json()["ok"] is True


def test_a_page_that_is_opened_while_the_link_is_down_waits_and_goes_on_by_itself(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    with run_link(server.sshd.port) as link:
        body = server.login(remote_root=str(server.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        link.down()
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        eventually(lambda: viewer.get(status).json()["status"] == "reconnecting")
        with visit(browser, f"{session['url']}/#/runs?q=loss") as visitor:
            page = visitor.page
            expect(page.get_by_role("heading", name="The link to 127.0.0.1 is down")).to_be_visible()
            link.accept()
            expect(page.get_by_role("region", name="Remote server")).to_be_visible()
            assert page.url.endswith("/#/runs?q=loss")
        assert stop(viewer, session).json()["ok"] is True


def test_a_page_that_is_there_before_the_news_of_its_link_is_no_local_one(browser: Browser, tmp_path: Path) -> None:
    """A viewer on a server is told how it is reached a moment after it serves."""
    session = FakeSession()
    with (
        run_watched(tmp_path, session=session, allow_other_users=True) as viewer,
        visit(browser, f"http://127.0.0.1:{viewer.port}/") as visitor,
    ):
        page = visitor.page
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        eventually(lambda: "GET /api/health" in viewer.reached)
        expect(page.get_by_role("link", name="Remote")).to_have_count(0)
        session.remote_info = {"host": "gpu-7.lab", "username": "me", "manage_url": None}
        expect(page.get_by_role("region", name="Remote server")).to_contain_text("gpu-7.lab")
        assert [each for each in viewer.reached if "/api/remote/" in each] == []
