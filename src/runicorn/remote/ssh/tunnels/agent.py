"""An SSH agent that holds one key for one `ssh`: a key given as content, or behind a passphrase, reaches ssh without
touching the disk, a command line or an environment.

Protocol: draft-ietf-sshm-ssh-agent, sections 3 and 4; only listing and signing are answered.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path

from runicorn.remote.ssh.keys import UnlockedKey
from runicorn.remote.ssh.unix_sockets import unix_socket

FAILURE, REQUEST_IDENTITIES, IDENTITIES_ANSWER, SIGN_REQUEST, SIGN_RESPONSE = 5, 11, 12, 13, 14
MAX_MESSAGE_BYTES = 256 * 1024
CLIENT_TIMEOUT_SECS = 20.0


class OneKeyAgent:
    """Listens on a Unix socket in a private folder until it is closed. The key lives in this process's memory only."""

    def __init__(self, path: Path, key: UnlockedKey) -> None:
        self._key = key
        self._listener = unix_socket()
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(4)
        self._thread = threading.Thread(target=self._serve, name="one-key-agent", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        self._thread.join(1.0)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, ValueError), client:
                client.settimeout(CLIENT_TIMEOUT_SECS)
                while (message := _receive(client)) is not None:
                    answer = reply(message, self._key)
                    client.sendall(struct.pack(">I", len(answer)) + answer)


def reply(message: bytes, key: UnlockedKey) -> bytes:
    """Return the answer to one agent message; whatever is not listing or signing with this key fails."""
    kind, body = message[:1], message[1:]
    if kind == bytes([REQUEST_IDENTITIES]):
        return bytes([IDENTITIES_ANSWER]) + struct.pack(">I", 1) + _string(key.public_blob) + _string(b"")
    if kind == bytes([SIGN_REQUEST]):
        try:
            blob, body = _take(body)
            data, body = _take(body)
            (flags,) = struct.unpack(">I", body)
        except (ValueError, struct.error):
            return bytes([FAILURE])
        if blob == key.public_blob:
            return bytes([SIGN_RESPONSE]) + _string(key.sign(data, flags))
    return bytes([FAILURE])


def _receive(client: socket.socket) -> bytes | None:
    head = _exactly(client, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">I", head)
    if not 0 < size <= MAX_MESSAGE_BYTES:
        raise ValueError(size)
    return _exactly(client, size)


def _exactly(client: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        chunk = client.recv(size - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _take(data: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack(">I", data[:4])
    if len(data) < 4 + size:
        raise ValueError("the message is cut short")
    return data[4 : 4 + size], data[4 + size :]
