"""Passwords, passphrases and keys stay in memory: every process, file, log and answer is searched for them."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.asking import run_asking
from tests.support.browser import find_chromium, run_chromium, visit
from tests.support.questions import know, person_at
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import make_key
from tests.support.waiting import eventually

MAX_FILE_BYTES = 4 * 1024 * 1024
ANSWERS = (
    "/api/remote/status",
    "/api/remote/sessions",
    "/api/remote/viewer/sessions",
    "/api/remote/connections/saved",
    "/api/remote/known-hosts/list",
    "/api/health",
)


@dataclass
class Search:
    """Looks for secrets. owned: files of the test itself that hold one."""

    words: dict[str, str]
    owned: set[Path]
    since: float = field(default_factory=time.time)
    found: list[str] = field(default_factory=list)

    def look(self, where: str, text: str) -> None:
        self.found += [f"the {name} in {where}" for name, word in self.words.items() if word in text]

    def processes(self) -> None:
        """Look at the command line and environment of every process that can be read."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                self.look(f"the command line of {process.pid}", "\0".join(process.cmdline()))
                # Read as bytes are: psutil drops what does not look like NAME=value.
                environ = Path(f"/proc/{process.pid}/environ").read_bytes().decode("utf-8", "replace")
                self.look(f"the environment of {process.pid}", environ)

    def files(self, *folders: Path) -> None:
        """Look into every file under these folders that changed since the search began."""
        for folder in folders:
            for parent, _, names in os.walk(folder):
                for path in (Path(parent) / name for name in names):
                    with contextlib.suppress(OSError):
                        facts = path.lstat()
                        if (
                            stat.S_ISREG(facts.st_mode)
                            and facts.st_mtime >= self.since - 1
                            and facts.st_size < MAX_FILE_BYTES
                            and path not in self.owned
                        ):
                            self.look(f"the file {path}", path.read_bytes().decode("utf-8", "replace"))

    @contextlib.contextmanager
    def watching_processes(self) -> Iterator[None]:
        """Look at the processes again and again: one that lives for a moment only can be read in that moment."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                self.processes()

        thread = threading.Thread(target=watch, name="search")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(20)


@pytest.fixture
def locked_key(server: Server, tmp_path: Path) -> tuple[Path, str]:
    """A key that the server accepts, and its passphrase."""
    passphrase = f"canary-passphrase-{secrets.token_hex(8)}"
    key = make_key(tmp_path / "locked", "ed25519", passphrase)
    server.sshd.authorize(server.account.username, key.with_suffix(".pub"))
    return key, passphrase


def heart(key: Path) -> str:
    """Return a piece of a private key file that stands nowhere else."""
    return key.read_text().splitlines()[-3][:40]


def unlocked_text(key: Path, passphrase: str) -> str:
    """Return the part of the unlocked key that no public part repeats: the seed, as OpenSSH writes it."""
    from runicorn.remote.ssh.keys import unlock
    from runicorn.remote.trust.target import Secret

    return unlock(key.read_bytes(), Secret(passphrase)).text.reveal().splitlines()[-3][:40]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    word = f"canary-{secrets.token_hex(8)}"
    search = Search({"word": word}, set())
    (tmp_path / "file").write_text(f"x{word}y")
    search.files(tmp_path)

    def finds(kind: str) -> bool:
        search.processes()
        return any(f" in {kind}" in each for each in search.found)

    # A process that was only just started has neither for a moment: the kernel sets them after it closes the files.
    with psutil.Popen(["sleep", "20"], env={"HIDDEN": word}) as child:
        eventually(lambda: finds("the environment"))
        child.kill()
    with psutil.Popen(["sh", "-c", "sleep 20; true", word]) as child:
        eventually(lambda: finds("the command line"))
        for each in (*child.children(), child):
            each.kill()
    assert finds("the file")


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_no_secret_is_left_anywhere(server: Server, locked_key: tuple[Path, str], tmp_path: Path, backend: str) -> None:
    key, passphrase = locked_key
    words = {
        "password": server.account.password or "no-password",
        "wrong password": f"canary-wrong-{secrets.token_hex(8)}",
        "passphrase": passphrase,
        "wrong passphrase": f"canary-guess-{secrets.token_hex(8)}",
        "locked key": heart(key),
        "unlocked key": unlocked_text(key, passphrase),
        "plain key": heart(server.key),
    }
    search = Search(words, {key, server.key})
    (tmp_path / "home").mkdir()
    content, plain = key.read_text(), server.key.read_text()
    root = {"remote_root": str(server.runs)}
    with run_viewer(tmp_path / "local-root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        accept(viewer, connect(viewer, server.login()))
        with search.watching_processes():
            for status, login in (
                (401, {"password": words["wrong password"]}),
                (400, {"private_key": content}),
                (400, {"private_key": content, "passphrase": words["wrong passphrase"]}),
                (400, {"private_key": content[:150], "passphrase": passphrase}),
                (422, {"private_key": content, "password": [words["password"]], "passphrase": {"x": passphrase}}),
                (422, {"password": words["password"], "private_key": "x" * 70000 + plain, "port": "y"}),
                (400, {"password": words["password"], "passphrase": passphrase, "username": "-oX"}),
            ):
                answer = connect(viewer, {**server.body(use_agent=False), **login})
                assert answer.status_code == status, answer.text
                search.look(f"the answer {status}", answer.text)
            for login in (
                {"private_key": content, "passphrase": passphrase},
                {"private_key": plain},
                {"password": words["password"]},
            ):
                use(viewer, server, search, {**server.body(use_agent=False), **login, **root}, backend)
            saved = viewer.post(
                "/api/remote/connections/saved", [{**server.target(), **login, "privateKey": plain, "name": "lab"}]
            )
            search.look("the answer to saving", saved.text)
            look_at_answers(viewer, search)
        search.files(tmp_path, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), server.account.home / ".cache")
        viewer.stop()
        search.look("the viewer's output", "".join(stream.read() for stream in streams(viewer)))
    search.look("the server's log", server.sshd.log)
    assert search.found == []


def test_what_is_typed_for_a_server_is_left_nowhere(tmp_path: Path) -> None:
    words = {name: f"canary-{name}-{secrets.token_hex(8)}" for name in ("code", "wrong", "new")}
    search = Search(words, set())
    (tmp_path / "home").mkdir()
    with (
        run_asking(["Password: "], ["Verification code: "], ["New password: "]) as asking,
        run_viewer(tmp_path / "local-root", tmp_path / "home") as viewer,
        person_at(viewer) as person,
    ):
        words["password"] = asking.password = f"canary-password-{secrets.token_hex(8)}"
        asking.codes = [words["code"]]
        body = know(viewer, asking.port)
        with search.watching_processes():
            waiting = person.connect(body)
            question = person.question()
            for answers in ([words["password"]] * 2, [], words["password"], [[words["password"]]], ["x" * 5000]):
                told = viewer.post("/api/remote/answer", {"id": question["id"], "answers": answers})
                assert told.status_code in (400, 422)
                search.look("the answer to answers that do not fit", told.text)
            person.answer(question, words["wrong"])
            search.look("the refusal", waiting.result(10).text)
            waiting = person.connect({**body, "password": words["password"]})
            person.answer(person.question(), words["code"])
            eventually(lambda: "New" in str(person.questions()))
            search.look("the question", str(person.questions()))
            person.answer(person.question(), words["new"])
            assert waiting.result(10).status_code == 200
            look_at_answers(viewer, search)
        search.files(tmp_path, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
        viewer.stop()
        search.look("the viewer's output", "".join(stream.read() for stream in streams(viewer)))
    assert len(asking.typed) == 4
    assert search.found == []


def use(viewer: Viewer, server: Server, search: Search, body: dict[str, Any], backend: str) -> None:
    """Connect, start, look around, stop. `ssh` takes no password, and says so without repeating it."""
    connected = connect(viewer, body)
    assert connected.status_code == 200
    search.look("the answer to connecting", connected.text)
    if backend == "openssh" and "password" in body:
        refused = viewer.post("/api/remote/viewer/start", body)
        assert refused.json()["code"] == "TUNNEL_FAILED"
        search.look("the refusal", refused.text)
    else:
        session = start(viewer, body)
        search.look("the session", str(session))
        assert session["tunnelBackend"] == backend
        search.processes()
        search.files(*new_folders(Path("/tmp"), search.since))
        look_at_answers(viewer, search)
        stop(viewer, session)
    look_at_answers(viewer, search)
    assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True


def new_folders(parent: Path, since: float) -> Iterator[Path]:
    """Yield those that were made or changed while the search is on, such as a running tunnel's."""
    for path in parent.iterdir():
        with contextlib.suppress(OSError):
            if path.is_dir() and path.lstat().st_mtime >= since - 1:
                yield path


def look_at_answers(viewer: Viewer, search: Search) -> None:
    for path in ANSWERS:
        search.look(path, viewer.get(path).text)
    for session in viewer.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]:
        for kind in ("log", "diagnostics"):
            answer = viewer.get(f"/api/remote/viewer/{kind}/{session['sessionId']}")
            assert "login done in" in answer.text
            search.look(f"the {kind} of a session", answer.text)


def streams(viewer: Viewer) -> Iterator[Any]:
    for stream in (viewer.process.stdout, viewer.process.stderr):
        assert stream
        yield stream


def test_the_page_keeps_no_secret(server: Server, viewer: Viewer, locked_key: tuple[Path, str]) -> None:
    if not find_chromium():
        pytest.skip("needs chromium: apt-get install chromium")
    key, passphrase = locked_key
    search = Search({"passphrase": passphrase, "key": heart(key)}, set())
    accept(viewer, connect(viewer, server.login()))
    with run_chromium() as browser, visit(browser, f"{viewer.url}/#/remote") as visitor:
        page = visitor.page
        page.get_by_role("combobox", name="Server").fill(f"{server.account.username}@127.0.0.1:{server.sshd.port}")
        page.get_by_role("button", name="Login").click()
        page.get_by_role("radio", name="Paste key").check()
        page.get_by_label("Private key", exact=True).last.fill(key.read_text())
        page.get_by_label("Passphrase").last.fill(passphrase)
        page.get_by_role("button", name="Connect", exact=True).click()
        page.get_by_role("button", name="Open its page").wait_for()
        search.look("the document", page.content())
        fields = "JSON.stringify([...document.querySelectorAll('input, textarea')].map(each => each.value))"
        search.look("the fields", page.evaluate(fields))
        search.look("the storage", page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])"))
        search.look("the cookies", str(page.context.cookies()))
        search.look("the address and history", page.evaluate("location.href + JSON.stringify(history.state)"))
        search.look("the databases", page.evaluate("indexedDB.databases().then(all => JSON.stringify(all))"))
    assert search.found == []
