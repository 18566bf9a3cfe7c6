"""`runicorn open` and `doctor` ask a person at the terminal what the server asks, with its words set apart."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.accounts import Account
from tests.support.asking import Asking, Said, run_asking
from tests.support.commands import TIMEOUT_SECS, command, environment, run
from tests.support.pam import Authenticator, missing_for_codes, pam_service
from tests.support.server import run_server
from tests.support.waiting import eventually

CODE = Said(["Verification code: "], "Two factors", "Open the app.\r\n\x1b[2JNow.")
PLAIN = Said(["Account: "], seen=(0,))


class Terminal:
    """A command on a terminal of its own, and a person before it."""

    def __init__(self, words: list[str], home: Path) -> None:
        self._master, side = pty.openpty()
        self.process = subprocess.Popen(
            command(*words),
            env=environment(home),
            stdin=side,
            stdout=subprocess.PIPE,
            stderr=side,
            text=True,
            preexec_fn=lambda: _own_terminal(side),  # noqa: PLW1509  getpass asks on the controlling one
        )
        os.close(side)
        self._read = b""
        threading.Thread(target=self._pump, daemon=True).start()

    @property
    def said(self) -> str:
        return self._read.decode().replace("\r\n", "\n")

    def type_at(self, prompt: str, text: str) -> None:
        """Wait for a prompt at the end of what stands there, and type."""
        deadline = time.monotonic() + TIMEOUT_SECS
        while not self.said.endswith(prompt):
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.02)
        os.write(self._master, text.encode())

    def end(self) -> int:
        return self.process.wait(TIMEOUT_SECS)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._master)

    def _pump(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                self._read += data


def _own_terminal(side: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(side, termios.TIOCSCTTY, 0)


@contextlib.contextmanager
def terminal(words: list[str], home: Path) -> Iterator[Terminal]:
    running = Terminal(words, home)
    try:
        yield running
    finally:
        running.close()


def words_for(asking: Asking, name: str, home: Path) -> list[str]:
    """Have the server's key accepted; return the command."""
    done = subprocess.run(
        ["ssh-keyscan", "-p", str(asking.port), "-t", "ed25519", "127.0.0.1"],
        capture_output=True,
        text=True,
        check=True,
    )
    (home / "runicorn").mkdir(exist_ok=True)
    (home / "runicorn" / "known_hosts").write_text(done.stdout)
    return [name, f"me@127.0.0.1:{asking.port}"]


@pytest.mark.parametrize("name", ["open", "doctor"])
def test_what_the_server_asks_is_asked_here(name: str, tmp_path: Path) -> None:
    with run_asking(["Password: "], CODE, PLAIN) as asking, terminal(words_for(asking, name, tmp_path), tmp_path) as me:
        me.type_at("127.0.0.1 asks: Password: ", f"{asking.password}\n")
        me.type_at("127.0.0.1 asks: Verification code: ", "246810\n")
        me.type_at("127.0.0.1 asks: Account: ", "team\n")
        me.end()  # this server runs no commands
        assert [given for _, given in asking.typed] == [asking.password, "246810", "team"]
        assert asking.logins == 1
        assert "127.0.0.1 says:\n  | Two factors\n  | Open the app.\n  | ␛[2JNow.\n" in me.said
        assert "246810" not in me.said
        assert asking.password not in me.said
        assert re.search(r"Account: team", me.said)


def test_a_wrong_answer_is_told_and_asked_for_again(tmp_path: Path) -> None:
    with run_asking(["Verification code: "]) as asking, terminal(words_for(asking, "open", tmp_path), tmp_path) as me:
        me.type_at("Verification code: ", "000000\n")
        me.type_at("Try again.\n127.0.0.1 asks: Verification code: ", "246810\n")
        me.end()
        assert (asking.failures, asking.logins) == (1, 1)


def test_whoever_ends_the_input_gives_the_login_up(tmp_path: Path) -> None:
    with run_asking(["Verification code: "]) as asking, terminal(words_for(asking, "open", tmp_path), tmp_path) as me:
        me.type_at("Verification code: ", "\x04")
        assert me.end() == 1
        assert "QUESTION_CANCELLED" in me.said
        assert asking.typed == []


@pytest.mark.parametrize("name", ["open", "doctor"])
def test_without_a_terminal_it_is_an_error(name: str, tmp_path: Path) -> None:
    with run_asking(["Password: "], ["Verification code: "]) as asking:
        done = run(*words_for(asking, name, tmp_path), home=tmp_path)
        assert done.returncode == 1
        assert "NO_CREDENTIALS" in done.stderr + done.stdout
        assert asking.typed == []


@pytest.mark.skipif(bool(missing_for_codes()), reason=missing_for_codes() or "-")
def test_after_a_drop_the_code_is_asked_for_here_again(server_account: Account, tmp_path: Path) -> None:
    app = Authenticator(server_account)
    options = {"UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no"}
    with ExitStack() as stack:
        stack.callback((server_account.home / ".google_authenticator").unlink)
        service = stack.enter_context(pam_service("auth required pam_google_authenticator.so"))
        server = stack.enter_context(run_server(server_account, tmp_path, options=options, service=service))
        (tmp_path / "runicorn").mkdir()
        line = f"[127.0.0.1]:{server.sshd.port} {server.sshd.host_key()}\n"
        (tmp_path / "runicorn" / "known_hosts").write_text(line)
        target = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
        words = ["open", target, "--root", str(server.runs), "--no-browser"]
        me = stack.enter_context(terminal(words, tmp_path))
        me.type_at("Verification code: ", f"{app.code()}\n")
        assert me.process.stdout
        assert me.process.stdout.readline().startswith("Remote viewer: http://localhost:")
        server.kill_sshd_children()
        me.type_at("Press Enter to log in again.\n", "\n")
        assert "its login takes what only you have" in me.said
        me.type_at("Verification code: ", f"{app.code()}\n")
        eventually(lambda: "The link is back after" in me.said, 40, "the link")
        me.process.send_signal(signal.SIGINT)
        assert me.end() == 0
