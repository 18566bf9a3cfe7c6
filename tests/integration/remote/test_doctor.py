"""`runicorn doctor` on real servers: each thing that can be in the way is found at its step, and told what to do."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Account, make_account
from tests.support.commands import TIMEOUT_SECS, command, environment, run
from tests.support.server import Server, run_server
from tests.support.serving import tunnel_folders
from tests.support.sshd import free_port, make_key, run_sshd
from tests.support.waiting import eventually, eventually_nothing

STEPS = (
    *("name", "port", "server", "host_key", "login", "sftp", "exec", "agent"),
    *("forwarding_openssh", "forwarding_asyncssh", "forwarding_paramiko"),
    *("python", "environments", "runicorn", "root", "disk", "clock", "reading"),
)
FORWARDING = [name for name in STEPS if name.startswith("forwarding_")]
AFTER_LOGIN = STEPS[STEPS.index("login") + 1 :]


@dataclass
class Examined:
    """What `--json` told. status: the exit code."""

    status: int
    body: dict[str, Any]

    def step(self, name: str) -> dict[str, Any]:
        (found,) = [step for step in self.body["steps"] if step["name"] == name]
        return dict(found)

    def names(self, state: str) -> list[str]:
        return [step["name"] for step in self.body["steps"] if step["state"] == state]


def known(server: Server, home: Path, host_key: str | None = None) -> None:
    """Have the server's key accepted, or another one in its place."""
    (home / "runicorn").mkdir(parents=True, exist_ok=True)
    line = f"[127.0.0.1]:{server.sshd.port} {host_key or server.sshd.host_key()}\n"
    (home / "runicorn" / "known_hosts").write_text(line)


def address(server: Server) -> str:
    return f"{server.account.username}@127.0.0.1:{server.sshd.port}"


def examine(server: Server, home: Path, *words: str, **environ: str) -> Examined:
    if "--key" not in words:
        words = ("--key", str(server.key), *words)
    done = run("doctor", address(server), "--root", str(server.runs), "--json", *words, home=home, **environ)
    assert done.stderr == ""
    body = json.loads(done.stdout)
    assert [step["name"] for step in body["steps"]] == list(STEPS)
    assert body["ok"] == (done.returncode == 0)
    for step in body["steps"]:
        assert (step["secs"] is None) == (step["state"] == "skipped")
        assert step["hint"] or step["state"] in ("ok", "skipped") or not step["code"]
    return Examined(done.returncode, body)


@pytest.fixture
def folders() -> Iterator[None]:
    """No folder of a tunnel may be left."""
    before = tunnel_folders()
    yield
    assert tunnel_folders() <= before


@pytest.mark.usefixtures("folders")
def test_a_server_with_everything_is_told_step_by_step_and_nothing_stays_there(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    (server.runs / "runs" / "a").mkdir(parents=True)
    (server.runs / "runs" / "b").mkdir()
    examined = examine(server, tmp_path)
    assert examined.names("warning") + examined.names("failed") == [], examined.body["steps"]
    assert (examined.status, examined.names("ok")) == (0, list(STEPS))
    said = {step["name"]: step["detail"] for step in examined.body["steps"]}
    assert said["name"] == "127.0.0.1"
    assert said["server"].startswith("OpenSSH_")
    assert said["host_key"].startswith("known: ssh-ed25519 SHA256:")
    assert said["login"].startswith(f"key {server.key}; the server takes publickey")
    assert said["exec"] == "/bin/bash, quiet"
    assert said["sftp"] == f"home is {server.account.home}"
    for backend in ("openssh", "asyncssh", "paramiko"):
        assert said[f"forwarding_{backend}"] == f"forwards to port {server.sshd.port} and back"
    assert said["environments"].endswith("1 with runicorn; ml is taken")
    assert " in ml, Python 3." in said["runicorn"]
    assert said["root"] == f"{server.runs}, 2 runs"
    assert said["clock"] == "the same as here"
    assert re.fullmatch(r"Python 3\.\d+\.\d+, answers in \d+ ms", said["agent"])
    assert said["reading"].startswith("an agent, in memory")
    named = examine(server, tmp_path, "--env", "ml").step("reading")["detail"]
    assert re.fullmatch(r"a viewer over there: Runicorn \S+ in ml", named)
    eventually_nothing(server.traces, 3)


def test_it_reads_well_in_80_columns_and_without_colours(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    words = ("--key", str(server.key), "--root", "/no/such/folder")
    done = run("doctor", address(server), *words, home=tmp_path, COLUMNS="80")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout
    assert lines[0] == address(server)
    states = [line[:7].strip() for line in lines[1:-1]]
    assert (states.count("ok"), states.count("failed"), states.count("skipped")) == (len(STEPS) - 2, 1, 1)
    fingerprint = run("doctor", address(server), *words, "--json", home=tmp_path).stdout.partition("SHA256:")[2][:43]
    assert any(line.endswith(f"SHA256:{fingerprint}") for line in map(str.rstrip, lines))
    at = next(number for number, line in enumerate(lines) if line.startswith("failed"))
    assert "storage root" in lines[at]
    assert "REMOTE_ROOT_MISSING" in "".join(lines[at : at + 3])
    assert any(line.strip().startswith("Next: Name the folder of your runs") for line in lines[at:])
    assert any(line.startswith("skipped 1 step") and line.rstrip().endswith(" disk") for line in lines[at:])
    assert lines[-1] == "1 thing is in the way."


def test_a_wrong_port_is_found_at_the_port_and_the_rest_is_skipped(server: Server, tmp_path: Path) -> None:
    done = run("doctor", f"me@127.0.0.1:{free_port()}", "--json", home=tmp_path)
    examined = Examined(done.returncode, json.loads(done.stdout))
    assert (examined.status, examined.names("ok"), examined.names("failed")) == (1, ["name"], ["port"])
    assert examined.names("skipped") == list(STEPS[2:])
    assert examined.step("port")["code"] == "CONNECTION_REFUSED"
    assert examined.step("server")["detail"] == "needs: port"


def test_something_else_than_ssh_is_found_at_the_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            command("doctor", f"me@127.0.0.1:{listener.getsockname()[1]}", "--json"),
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            text=True,
        )
        client, _ = listener.accept()
        client.sendall(b"220 mail.example ESMTP\r\n")
        client.close()
        said, _ = process.communicate(timeout=TIMEOUT_SECS)
    examined = Examined(process.returncode, json.loads(said))
    assert (examined.status, examined.names("failed")) == (1, ["server"])
    assert examined.step("server")["code"] == "NOT_SSH"
    assert "220 mail.example ESMTP" in examined.step("server")["detail"]


def test_an_unknown_host_key_is_shown_and_never_accepted(server: Server, tmp_path: Path) -> None:
    examined = examine(server, tmp_path)
    assert (examined.status, examined.names("failed")) == (1, ["host_key"])
    step = examined.step("host_key")
    assert step["code"] == "HOST_KEY_CONFIRMATION_REQUIRED"
    assert step["detail"].startswith("unknown: ssh-ed25519 SHA256:")
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in step["hint"]
    assert f"runicorn doctor {address(server)}" in step["hint"]
    assert examined.names("skipped") == ["login", *AFTER_LOGIN]
    assert not (tmp_path / "runicorn" / "known_hosts").exists()


def test_a_changed_host_key_is_shown_beside_the_known_one(server: Server, tmp_path: Path) -> None:
    other = " ".join(server.key.with_suffix(".pub").read_text().split()[:2])
    known(server, tmp_path, other)
    examined = examine(server, tmp_path)
    assert (examined.status, examined.names("failed")) == (1, ["host_key"])
    assert examined.step("host_key")["detail"].startswith("changed: ssh-ed25519 SHA256:")
    assert " instead of SHA256:" in examined.step("host_key")["detail"]
    assert (tmp_path / "runicorn" / "known_hosts").read_text().split()[2] == other.split()[1]


@pytest.mark.parametrize("batch", [False, True], ids=["asked", "batch"])
def test_on_a_terminal_a_person_is_asked_about_the_host_key_but_not_in_a_batch(
    server: Server, tmp_path: Path, batch: bool
) -> None:
    terminal, child_side = pty.openpty()
    words = ["--key", str(server.key), "--root", str(server.runs), "--json", *(["--batch"] if batch else [])]
    process = subprocess.Popen(
        command("doctor", address(server), *words),
        env=environment(tmp_path),
        stdin=child_side,
        stdout=subprocess.PIPE,
        stderr=child_side,
        text=True,
    )
    os.close(child_side)
    try:
        os.write(terminal, b"127.0.0.1\n")
        said, _ = process.communicate(timeout=TIMEOUT_SECS)
    finally:
        process.kill()
        os.close(terminal)
    examined = Examined(process.returncode, json.loads(said))
    assert examined.names("failed") == (["host_key"] if batch else [])
    assert examined.status == (1 if batch else 0)
    assert (tmp_path / "runicorn" / "known_hosts").exists() != batch


def test_a_wrong_key_is_found_at_the_login_with_what_the_server_takes(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    stranger = make_key(tmp_path / "stranger")
    examined = examine(server, tmp_path, "--key", str(stranger))
    assert (examined.status, examined.names("failed")) == (1, ["login"])
    step = examined.step("login")
    assert step["code"] == "AUTH_FAILED"
    assert "It would accept: publickey, password." in step["detail"]
    assert examined.names("skipped") == list(AFTER_LOGIN)
    missing = examine(server, tmp_path, "--key", str(tmp_path / "none"))
    assert missing.step("login")["code"] == "KEY_FILE_NOT_FOUND"


@pytest.mark.usefixtures("folders")
def test_forbidden_forwarding_is_found_for_every_tunnel(server_account: Account, tmp_path: Path) -> None:
    with run_server(server_account, tmp_path, options={"AllowTcpForwarding": "no"}) as server:
        known(server, tmp_path)
        # Who names an environment wants a viewer, and that needs forwarding; an agent does not.
        assert examine(server, tmp_path, "--env", "ml").names("failed") == FORWARDING
        examined = examine(server, tmp_path)
        assert (examined.status, examined.names("failed"), examined.names("warning")) == (0, [], FORWARDING)
        assert examined.step("reading")["detail"].startswith("an agent")
        for name in FORWARDING:
            assert examined.step(name)["code"] == "FORWARDING_FORBIDDEN"
            assert "AllowTcpForwarding" in examined.step(name)["hint"]
        assert examined.names("skipped") == []


def test_a_tunnel_that_another_one_can_stand_in_for_is_a_warning(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    without = {"RUNICORN_SSH_PATH": "/nowhere/ssh"}
    examined = examine(server, tmp_path, **without)
    assert (examined.status, examined.names("warning")) == (0, ["forwarding_openssh"])
    assert "/nowhere/ssh" in examined.step("forwarding_openssh")["detail"]
    forced = examine(server, tmp_path, **without, RUNICORN_TUNNEL="openssh")
    assert (forced.status, forced.names("failed")) == (1, ["forwarding_openssh"])


def test_a_server_without_sftp_is_told_and_works_all_the_same(server_account: Account, tmp_path: Path) -> None:
    with run_server(server_account, tmp_path, options={"Subsystem": "sftp /nowhere/sftp-server"}) as server:
        known(server, tmp_path)
        examined = examine(server, tmp_path)
    assert (examined.status, examined.names("warning")) == (0, ["sftp"])
    assert examined.step("sftp")["code"] == "SFTP_UNAVAILABLE"


def test_nothing_installed_is_in_nobodys_way(bare: Server, tmp_path: Path) -> None:
    known(bare, tmp_path)
    examined = examine(bare, tmp_path)
    assert (examined.status, examined.names("failed")) == (0, [])
    step = examined.step("runicorn")
    assert (step["state"], "An agent reads the folder" in step["detail"]) == ("warning", True)
    assert examined.step("reading")["detail"].startswith("an agent")


def test_where_only_files_can_be_read_that_is_what_will_be_done(files_only: Server, tmp_path: Path) -> None:
    known(files_only, tmp_path)
    examined = examine(files_only, tmp_path, "--root", f"/{files_only.runs.name}")
    assert (examined.status, examined.names("failed")) == (0, [])
    assert "exec" in examined.names("warning")
    assert examined.step("exec")["code"] == "LOGIN_SHELL_REFUSED"
    skipped = ["agent", "python", "environments", "runicorn", "root", "disk", "clock"]
    assert examined.names("skipped") == skipped
    assert examined.step("reading")["detail"].startswith("SFTP alone")
    missing = examine(files_only, tmp_path, "--root", "/nothing")
    assert (missing.status, missing.names("failed")) == (1, ["reading"])
    assert missing.step("reading")["code"] == "REMOTE_ROOT_MISSING"


def test_a_named_environment_without_runicorn_is_told_with_what_does_without(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    examined = examine(server, tmp_path, "--env", "system")
    assert (examined.status, examined.names("failed")) == (1, ["runicorn"])
    assert examined.step("runicorn")["code"] == "RUNICORN_MISSING"
    assert "an agent reads the folder without one" in examined.step("runicorn")["hint"]
    unknown = examine(server, tmp_path, "--env", "mll")
    assert (unknown.names("failed"), unknown.names("skipped")) == (["environments"], ["runicorn"])
    assert unknown.step("environments")["code"] == "ENVIRONMENT_NOT_FOUND"


def test_an_account_that_may_run_nothing_is_found_at_the_shell(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: makes a Unix user")
    with make_account("/usr/sbin/nologin") as account, run_sshd() as sshd:
        key = make_key(tmp_path / "id_lone")
        sshd.authorize(account.username, key.with_suffix(".pub"))
        server = Server(account, sshd, key, account.home)
        known(server, tmp_path)
        examined = examine(server, tmp_path)
    assert (examined.status, examined.names("failed")) == (0, [])
    assert "exec" in examined.names("warning")
    assert examined.step("reading")["detail"].startswith("SFTP alone")
    assert examined.step("exec")["code"] == "LOGIN_SHELL_REFUSED"
    assert "not available" in examined.step("exec")["detail"]
    assert examined.names("skipped") == ["agent", "python", "environments", "runicorn", "root", "disk", "clock"]


def test_start_files_that_print_are_told_with_how_much(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    (server.account.home / ".bashrc").write_text("echo Welcome to the cluster!\necho on stderr >&2\n")
    try:
        examined = examine(server, tmp_path)
    finally:
        (server.account.home / ".bashrc").unlink()
    assert examined.status == 0
    assert "exec" in examined.names("warning")
    noise = len("Welcome to the cluster!\non stderr\n")
    assert (
        f"its start files print {noise} bytes: 'Welcome to the cluster! on stderr'" in examined.step("exec")["detail"]
    )


def test_a_root_that_is_closed_or_no_folder_is_told(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    secret = server.account.home / "secret it's"
    secret.mkdir(mode=0o700)
    try:
        closed = examine(server, tmp_path, "--root", str(secret))
    finally:
        secret.rmdir()
    assert (closed.status, closed.names("failed"), closed.names("skipped")) == (1, ["root"], ["disk"])
    assert closed.step("root")["code"] == "REMOTE_ROOT_UNREADABLE"
    assert str(secret) in closed.step("root")["detail"]
    file = examine(server, tmp_path, "--root", "/etc/passwd")
    assert "is not a folder" in file.step("root")["detail"]


def test_bad_usage_is_2(tmp_path: Path) -> None:
    for words in (("--", "-oProxyCommand=x"), ("me@127.0.0.1:0",), ("me@host", "--nonsense")):
        done = run("doctor", *words, home=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.usefixtures("folders")
def test_ctrl_c_in_the_middle_ends_it_at_once_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    hold = server.account.home / "hold"
    hold.touch()
    (server.account.home / ".bashrc").write_text("while [ -e ~/hold ]; do sleep 0.1; done\n")
    try:
        with subprocess.Popen(
            command("doctor", address(server), "--key", str(server.key)),
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            assert process.stderr
            for line in process.stdout:
                if line.split()[1:2] == ["login"]:
                    break
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_SECS) == 130
            assert "Traceback" not in process.stderr.read()
    finally:
        hold.unlink()
        (server.account.home / ".bashrc").unlink()
    eventually_nothing(server.traces, 3)


def test_a_server_whose_disk_is_full_is_a_warning(server: Server, tmp_path: Path) -> None:
    small = server.account.home / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "runicorn-test", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs mount")
    known(server, tmp_path)
    try:
        examined = examine(server, tmp_path, "--root", str(small))
    finally:
        subprocess.run(["umount", str(small)], check=True)
        shutil.rmtree(small)
    assert (examined.status, examined.names("warning")) == (0, ["disk"])
    assert "only 1 MB are free" in examined.step("disk")["detail"]


def test_it_makes_few_connections_so_that_a_firewall_that_counts_lets_it_in(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    # Whoever started the server looked whether it listens.
    before = eventually(lambda: server.sshd.log.count("Connection from"), what="the first line of its log")
    assert examine(server, tmp_path).status == 0
    # One to look, to log in and to ask by, and one for each tunnel that logs in by itself; each of the three tunnels
    # carries one to the server's own port.
    assert server.sshd.log.count("Connection from") - before == 3 + 3
