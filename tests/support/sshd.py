"""A real OpenSSH server on 127.0.0.1 and a free port, with host keys made at run time."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

START_TIMEOUT_SECS = 10.0


def find_sshd() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Sshd:
    """A running server. folder: its configuration, keys and log; authorized keys are in `folder/keys/<user>`.

    service: by which name it asks PAM.
    """

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    service: str = "sshd"

    def host_key(self, kind: str = "ed25519") -> str:
        """Return `<type> <base64>` of the host key of this kind."""
        text = (self.folder / f"host_{kind}.pub").read_text(encoding="utf-8")
        return " ".join(text.split()[:2])

    def authorize(self, username: str, public_key_file: Path) -> None:
        path = self.folder / "keys" / username
        with path.open("a", encoding="utf-8") as file:
            file.write(public_key_file.read_text(encoding="utf-8"))
        path.chmod(0o644)

    def stop(self) -> None:
        """End it with all its connections, as a machine that is switched off does."""
        end_tree(self.process)

    def restart(self) -> None:
        """End it with all its connections, as a reboot does, and start it again: same port, same keys."""
        self.stop()
        with (self.folder / "log").open("ab") as log:
            self.process = _spawn(self.folder, log, self.service)
        wait_until_listening(self.port, self.process, self.folder / "log")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def run_sshd(
    *,
    host_keys: tuple[str, ...] = ("ed25519",),
    options: Mapping[str, str] | None = None,
    port: int | None = None,
    service: str = "sshd",
) -> Iterator[Sshd]:
    """Start a server and end it, with every connection it still has, on leaving.

    options: lines of sshd_config over the defaults below. service: the PAM service it asks, where it asks PAM at all.
    """
    folder = Path(tempfile.mkdtemp(prefix="sshd-"))
    folder.chmod(0o755)
    (folder / "keys").mkdir(mode=0o755)
    for kind in host_keys:
        _make_host_key(folder / f"host_{kind}", kind)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = port or free_port()
    lines = {
        "Port": str(port),
        "ListenAddress": "127.0.0.1",
        "AuthorizedKeysFile": f"{folder}/keys/%u",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "PasswordAuthentication": "yes" if os.geteuid() == 0 else "no",
        "KbdInteractiveAuthentication": "no",
        "Subsystem": "sftp internal-sftp",
        "MaxStartups": "100",
        "LogLevel": "VERBOSE",
        **(options or {}),
    }
    config = folder / "sshd_config"
    text = "".join(f"{name} {value}\n" for name, value in lines.items())
    text += "".join(f"HostKey {folder}/host_{kind}\n" for kind in host_keys)
    config.write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        sshd = Sshd(port, folder, _spawn(folder, log, service), service)
    try:
        wait_until_listening(port, sshd.process, folder / "log")
        yield sshd
    finally:
        end_tree(sshd.process)
        shutil.rmtree(folder, ignore_errors=True)


def _spawn(folder: Path, log: IO[bytes], service: str) -> subprocess.Popen[bytes]:
    program = find_sshd()
    assert program, "sshd is missing: apt-get install openssh-server"
    if service != "sshd":  # sshd asks PAM by the name that it was started under
        named = folder / service
        if not named.exists():
            named.symlink_to(program)
        program = str(named)
    arguments = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
    return subprocess.Popen(arguments, stderr=log, start_new_session=True)


def end_tree(process: subprocess.Popen[bytes], program: str = "sshd") -> None:
    """End this server and the children it made for its connections. program: what those are called."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            if program in child.name():
                child.terminate()
    process.wait(5)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(map(_runs, children)):
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    """Whether it has not ended; one that only waits to be reaped has."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", *options: str) -> Path:
    """Make a key pair at `path` and `path.pub`."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path), *options], check=True)
    return path


@functools.cache
def _rsa_key() -> tuple[bytes, bytes]:
    """Return one RSA key pair, made once: each takes up to a second, and most servers have one."""
    with tempfile.TemporaryDirectory() as name:
        path = make_key(Path(name) / "key", "rsa")
        return path.read_bytes(), path.with_suffix(".pub").read_bytes()


def _make_host_key(path: Path, kind: str) -> None:
    if kind != "rsa":
        make_key(path, kind)
        return
    private, public = _rsa_key()
    path.touch(mode=0o600)
    path.write_bytes(private)
    path.with_suffix(".pub").write_bytes(public)


def free_port() -> int:
    """A port that nobody listens on, below those that systems give to clients: none takes it before the server does."""
    while True:
        port = 25_000 + secrets.randbelow(7_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended: {log.read_text(errors='replace')}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise AssertionError(f"the server did not listen: {log.read_text(errors='replace')}")
