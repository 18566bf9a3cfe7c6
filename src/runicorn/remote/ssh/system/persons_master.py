"""A connection that the person has open already, by a ControlPath of their ssh config: used, and never ended."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
from pathlib import Path

from runicorn.errors import ConnectionClosedError
from runicorn.remote.names.way import Way
from runicorn.remote.ssh import kept_ssh
from runicorn.remote.ssh.interface import Login, TunnelRefusedError
from runicorn.remote.ssh.system.connection import SystemConnection
from runicorn.remote.ssh.system.mux import Mux, environment_for
from runicorn.remote.ssh.unix_sockets import unix_socket
from runicorn.remote.trust.target import Target

_PLAIN_PATH = re.compile(r"[\w./+-]+")


def find_live(ssh: str, target: Target, way: Way) -> SystemConnection | None:
    """Return a connection through the person's own, without any login; None where there is none that answers."""
    path = way.last.ssh_only.control_path
    if path is None or not _is_own_socket(path):
        return None
    try:
        master = PersonsMaster(ssh, path, way.last.target.host)
    except (TunnelRefusedError, OSError):
        return None
    with contextlib.suppress(ConnectionClosedError):
        if master.mux.control_command("check").returncode == 0:
            return SystemConnection(
                target, way, Login(), None, master, f"it goes through the connection that you have open, {path}"
            )
    master.close()
    return None


class PersonsMaster:
    """See connection.Holder. Watches the person's `ssh`, and owns a folder for what is carried through it."""

    refused = 0, ""  # it tells the person's own terminal
    ended_by_server = False

    def __init__(self, ssh: str, path: str, host: str) -> None:
        """Raises OSError where nobody listens, and TunnelRefusedError."""
        self._closed = False
        self._watch = unix_socket()
        try:
            self._watch.connect(path)
            self._watch.setblocking(False)
            self._folder = kept_ssh.private_folder()
        except BaseException:
            self._watch.close()
            raise
        environment = environment_for(os.environ)
        self.mux = Mux(ssh, self._folder, path, environment, host)
        try:
            if not _PLAIN_PATH.fullmatch(str(self._folder)):
                raise TunnelRefusedError("the folder for temporary files has a name that no forward can have")
            # Whatever waits for ever: with us its wrapper ends, and takes the folder along.
            self._keeper = kept_ssh.spawn(self._folder, ["tail", "-f", "/dev/null"], environment)
        except BaseException:
            self._watch.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def alive(self) -> bool:
        """Whether it still listens: it hangs up on whoever is connected when it ends."""
        if self._closed:
            return False
        try:
            while self._watch.recv(4096):  # it introduces itself
                pass
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def forward_path(self, name: str) -> str:
        return str(self._folder / name)

    def close(self) -> None:
        """Let go of it: what it is to the person, it stays."""
        if self._closed:
            return
        self._closed = True
        self._watch.close()
        kept_ssh.end(self._keeper)
        if self._keeper.stderr:
            self._keeper.stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _is_own_socket(path: str) -> bool:
    if sys.platform == "win32":
        return False
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid()
