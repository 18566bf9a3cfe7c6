"""An SSH server inside the process: loopback only, fresh keys, one user, commands really run as this user."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import weakref
from pathlib import Path
from typing import Any

import asyncssh

from runicorn.loop_thread import LoopThread
from runicorn.settings import user_name

START_TIMEOUT_SECS = 10.0
STOP_TIMEOUT_SECS = 3.0
_COMMAND_END_SECS = 0.7
CHUNK_BYTES = 65536


class DemoHost:
    """The server. folder: where its user's home and key are made; the home is what `~` means over there."""

    def __init__(self, folder: Path) -> None:
        self.username = user_name()
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.key_path = folder / "id_demo"
        client_key = asyncssh.generate_private_key("ssh-ed25519", comment="runicorn demo")
        self.key_path.touch(mode=0o600)
        self.key_path.write_bytes(client_key.export_private_key())
        self._client_key = client_key
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.fingerprint = str(self._host_key.get_fingerprint("sha256"))
        self.port = 0
        self._loop = LoopThread("demo-host")
        self._server: Any = None
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._commands: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = self._loop.call(self._listen(), START_TIMEOUT_SECS)
        self.port = self._server.get_port()

    def stop(self) -> None:
        """Close all connections and end their commands."""
        if self._server is not None:
            with contextlib.suppress(TimeoutError):
                self._loop.call(self._close(), STOP_TIMEOUT_SECS)
        self._loop.stop()

    def environment(self) -> dict[str, str]:
        """Return what a login on this server finds: this Python first in PATH, and the demo's home."""
        keep = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {**keep, "HOME": str(self.home), "PATH": path, "USER": self.username, "SHELL": "/bin/sh"}

    async def _listen(self) -> Any:
        host = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: Any) -> None:
                host._connections.add(conn)

            def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
                return dest_host in ("127.0.0.1", "localhost", "::1")

            def begin_auth(self, username: str) -> bool:
                return True

            def validate_public_key(self, username: str, key: Any) -> bool:
                return bool(username == host.username and key.public_data == host._client_key.public_data)

            def public_key_auth_supported(self) -> bool:
                return True

        class Files(asyncssh.SFTPServer):
            def map_path(self, path: bytes) -> bytes:
                """A relative path starts at the user's home, as with any SSH server."""
                return os.path.join(os.fsencode(host.home), path)  # noqa: PTH118  bytes

        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Server,
            server_host_keys=[self._host_key],
            process_factory=self._run,
            sftp_factory=Files,
            encoding=None,
        )

    async def _close(self) -> None:
        """Close the listener and every connection; their commands see the end of their input and finish."""
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        await asyncio.gather(*(each.wait_closed() for each in self._connections), return_exceptions=True)
        await self._server.wait_closed()
        if self._commands:
            _, late = await asyncio.wait(self._commands, timeout=2 * _COMMAND_END_SECS)
            for command in late:
                command.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, process: Any) -> None:
        """Run what the client asked for, as this user, in a session of its own so that Ctrl-C does not reach it."""
        command = process.command
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            *(["-c", command] if command else []),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env=self.environment(),
            start_new_session=True,
        )
        task = asyncio.ensure_future(self._until_end(process, child))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        await asyncio.shield(task)

    async def _until_end(self, process: Any, child: asyncio.subprocess.Process) -> None:
        """Wait for a command's end; where its client is gone, that of its input ends it, or it is killed."""
        ended, gone = asyncio.ensure_future(child.wait()), asyncio.ensure_future(process.channel.wait_closed())
        try:
            await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
            await asyncio.wait([ended, gone], return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                await process.stdout.drain()
                process.exit(ended.result() if ended.result() >= 0 else 128 - ended.result())
            elif child.stdin is not None:
                child.stdin.close()
                await asyncio.wait([ended], timeout=_COMMAND_END_SECS)
        finally:
            if not ended.done():
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            await ended
            process.close()
            await process.wait_closed()
            await gone
