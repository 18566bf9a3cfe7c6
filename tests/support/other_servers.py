"""SSH servers that are not OpenSSH, on 127.0.0.1 and a free port: dropbear, tinysshd and AsyncSSH's, with keys made at
run time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
from tests.support.accounts import Account
from tests.support.sshd import end_tree, free_port, wait_until_listening

from runicorn.loop_thread import LoopThread

START_TIMEOUT_SECS = 10
SFTP_SERVER = "/usr/lib/openssh/sftp-server"


@dataclass
class OtherServer:
    """A running server, as Sshd is one; keys are authorized in the account's own home, where these servers look."""

    port: int
    account: Account
    public_key: str
    service: str

    def host_key(self) -> str:
        return self.public_key

    def authorize(self, username: str, public_key_file: Path) -> None:
        assert username == self.account.username
        folder = self.account.home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / "authorized_keys"
        with file.open("a", encoding="utf-8") as keys:
            keys.write(public_key_file.read_text(encoding="utf-8"))
        file.chmod(0o600)
        self.account.give(folder)


@contextlib.contextmanager
def run_dropbear(account: Account) -> Iterator[OtherServer]:
    """Start a dropbear, which forwards as root, whoever has logged in."""
    folder = Path(tempfile.mkdtemp(prefix="dropbear-"))
    key = folder / "host_ed25519"
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", str(key)], check=True, capture_output=True)
    told = subprocess.run(["dropbearkey", "-y", "-f", str(key)], check=True, capture_output=True, text=True).stdout
    public = next(line for line in told.splitlines() if line.startswith("ssh-ed25519 "))
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["dropbear", "-F", "-E", "-m", "-p", f"127.0.0.1:{port}", "-r", str(key), "-P", str(folder / "pid")],
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until_listening(port, process, folder / "log")
        yield OtherServer(port, account, " ".join(public.split()[:2]), "dropbear")
    finally:
        end_tree(process, "dropbear")
        _forget_keys(account)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def run_tinysshd(account: Account) -> Iterator[OtherServer]:
    """Start what makes a tinysshd for each connection. It has chacha20 for a cipher, and no other."""
    folder = Path(tempfile.mkdtemp(prefix="tinysshd-"))
    keys = folder / "keys"
    # It takes no authorized keys that lie below a folder that others may write to, such as /tmp.
    authorized = Path(tempfile.mkdtemp(prefix="tinysshd-", dir="/var/lib"))
    authorized.chmod(0o755)
    account.give(authorized)
    (account.home / ".ssh").symlink_to(authorized)
    subprocess.run(["tinysshd-makekey", str(keys)], check=True, capture_output=True)
    blob = (keys / "ed25519.pk").read_bytes()
    public = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", blob))
    listener = socket.create_server(("127.0.0.1", 0))
    children: list[subprocess.Popen[bytes]] = []

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = listener.accept()
                with client:
                    command = ["tinysshd", "-x", f"sftp={SFTP_SERVER}", str(keys)]
                    children.append(subprocess.Popen(command, stdin=client, stdout=client, stderr=subprocess.DEVNULL))

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield OtherServer(
            listener.getsockname()[1], account, f"ssh-ed25519 {base64.b64encode(public).decode()}", "tinysshd"
        )
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for child in children:
            end_tree(child, "tinysshd")
        (account.home / ".ssh").unlink()
        shutil.rmtree(authorized, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def run_asyncssh(account: Account) -> Iterator[OtherServer]:
    """Start a server that was written with AsyncSSH, as bastions are: its commands run as the account, and what it
    forwards comes from its own process, which belongs to root."""
    key = asyncssh.generate_private_key("ssh-ed25519")

    class Server(asyncssh.SSHServer):  # type: ignore[misc]
        def connection_made(self, conn: Any) -> None:
            self._conn = conn

        def begin_auth(self, username: str) -> bool:
            if username == account.username:
                self._conn.set_authorized_keys(str(account.home / ".ssh" / "authorized_keys"))
            return True

        def connection_requested(self, *_: Any) -> bool:
            return True

    async def serve_command(process: Any) -> None:
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            *(("-c", process.command) if process.command else ()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            user=account.uid,
            cwd=account.home,
            env={"HOME": str(account.home), "USER": account.username, "PATH": os.defpath},
        )
        await process.redirect(child.stdin, child.stdout, child.stderr)
        status = await child.wait()
        await process.stdout.drain()
        process.exit(status)
        await process.wait_closed()

    async def serve() -> Any:
        return await asyncssh.create_server(
            Server,
            "127.0.0.1",
            0,
            server_host_keys=[key],
            process_factory=serve_command,
            sftp_factory=True,
            encoding=None,
        )

    thread = LoopThread("asyncssh-server")
    try:
        server = thread.call(serve(), START_TIMEOUT_SECS)
        public = " ".join(key.export_public_key().decode().split()[:2])
        yield OtherServer(server.get_port(), account, public, "asyncssh")
        thread.soon(server.close)
    finally:
        thread.stop()
        _forget_keys(account)


def _forget_keys(account: Account) -> None:
    shutil.rmtree(account.home / ".ssh", ignore_errors=True)
