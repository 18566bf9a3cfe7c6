"""The key exchange, and the one verdict on the server's host key. No credential is known here."""

from __future__ import annotations

import collections
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import paramiko
from paramiko.common import cMSG_SERVICE_REQUEST

from runicorn.errors import InvalidHostKeyError, NoCommonAlgorithmError
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh.asked_keys import all_types, wants_certificate
from runicorn.remote.ssh.carriers import dial_first
from runicorn.remote.ssh.dialing import DialedSocket, hang_up_on_web_servers
from runicorn.remote.ssh.paramiko import failures
from runicorn.remote.ssh.paramiko.inbox import ChannelsWithInboxes
from runicorn.remote.ssh.verdict import require_ok
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.certificates import HostCertificate, is_certificate, read_certificate
from runicorn.remote.trust.known_hosts import Entry, HostKey

HANDSHAKE_TIMEOUT_SECS = 15.0

# AES-GCM first: 264 -> 419 MB/s and half the CPU of Paramiko's own preference, which lists it last.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
REKEY_BYTES = 2**35
_MAX_PACKET_BYTES = 131072  # accepted by OpenSSH; 252 -> 381 MB/s through one forward

# Paramiko logs each failure with a traceback; all of them reach people as errors of ours.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


_X25519, _X25519_OLD = "curve25519-sha256", "curve25519-sha256@libssh.org"
_KEX_INFO: dict[str, Any] = vars(paramiko.Transport)["_kex_info"]


def _with_x25519(names: Sequence[str]) -> tuple[str, ...]:
    """Return the key exchanges with X25519 by its name of today in front of the older one."""
    at = names.index(_X25519_OLD)
    return (*names[:at], _X25519, *names[at:])


class Transport(paramiko.Transport):
    """Paramiko's transport, with the fastest ciphers first, and without two faults of its own.

    For every login that is tried, Paramiko asks anew for the service that logins are part of. That is a round trip, and
    servers hang up on it that take RFC 4252, section 4, at its word; here it asks once.

    Paramiko's reading thread answers a channel's close itself, and every answer waits for a key exchange that is under
    way: but only that thread can finish the exchange, so after 30 s it gives up and the connection dies. Here, what it
    has to say in that moment is said by another thread, in order.
    """

    _preferred_ciphers = _CIPHERS
    # RFC 8731, section 3: the method that Paramiko knows by its older name only; servers may offer either.
    _kex_info: ClassVar[dict[str, Any]] = {_X25519: _KEX_INFO[_X25519_OLD], **_KEX_INFO}
    _preferred_kex: ClassVar[tuple[str, ...]] = _with_x25519(vars(paramiko.Transport)["_preferred_kex"])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._channels = ChannelsWithInboxes()
        # Our side asks for new keys after 32 GiB, as RFC 4344, section 3.2 allows for AES, not after 512 MiB.
        self.packetizer.REKEY_BYTES = REKEY_BYTES
        self._late: collections.deque[Any] = collections.deque()
        self._late_lock = threading.Lock()
        self._late_sender: threading.Thread | None = None
        self._service_requested = False
        self.certificates_first = False
        self._shown = b""  # as it came: the plain key, or a certificate with the key in it

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        names = tuple(super().preferred_keys)  # those of certificates last
        return tuple(sorted(names, key=lambda name: not is_certificate(name))) if self.certificates_first else names

    def host_certificate(self) -> HostCertificate | None:
        """Return the certificate that the host proved to be its own; None where it showed none that can be checked."""
        with contextlib.suppress(InvalidHostKeyError):
            if is_certificate(HostKey.from_blob(self._shown).key_type):
                return read_certificate(self._shown)
        return None

    def _verify_key(self, host_key: Any, sig: Any) -> None:
        super()._verify_key(host_key, sig)  # type: ignore[misc]  # not in the stubs
        self._shown = bytes(host_key)

    def _send_message(self, data: Any) -> None:
        if not self.authenticated and data.asbytes()[:1] == cMSG_SERVICE_REQUEST:
            if self._service_requested:
                accepted = paramiko.Message()
                accepted.add_string("ssh-userauth")
                accepted.rewind()
                self.auth_handler._parse_service_accept(accepted)  # type: ignore[union-attr]
                return
            self._service_requested = True
        super()._send_message(data)  # type: ignore[misc]  # not in the stubs

    def _send_user_message(self, data: Any) -> None:
        if threading.current_thread() is not self:
            super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs
            return
        with self._late_lock:
            late = self._late_sender is not None or not self.clear_to_send.is_set()
            if late:
                self._late.append(data)
            if late and self._late_sender is None:
                self._late_sender = threading.Thread(target=self._send_late, name="ssh-late-answers", daemon=True)
                self._late_sender.start()
        if not late:
            super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs

    def _send_late(self) -> None:
        while True:
            with self._late_lock:
                if not self._late:
                    self._late_sender = None
                    return
                data = self._late.popleft()
            with contextlib.suppress(
                paramiko.SSHException, OSError, EOFError
            ):  # the connection is gone, and all with it
                super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs


Own = Callable[[Any], Any]
Dial = Callable[[Hop, Progress], DialedSocket]


def verified_transport(
    hop: Hop,
    entries: Sequence[Entry],
    progress: Progress,
    own: Own = lambda resource: None,
    dial: Dial = dial_first,
) -> tuple[Transport, HostKey]:
    """Return a transport whose host key is known, and that key; nobody has logged in yet.

    own: is given each socket that is opened; it may close it at any time, which ends this with an error.
    dial: opens what carries it. Raises the errors under ConnectError, HostKeyConfirmationError and HostKeyRevokedError.
    """
    stored = known_hosts.stored_types(entries, hop.known_as.known_hosts_host)
    sock = dial(hop, progress)
    own(sock)
    with progress.stage("host_key") as tell:
        try:
            transport = _negotiate(hop, sock, stored or all_types(hop))
        except NoCommonAlgorithmError:
            if not stored:
                raise
            # The server has none of the stored types any more: fetch what it has, to show it as changed.
            sock = dial(hop, Progress(lambda: None))
            own(sock)
            transport = _negotiate(hop, sock, all_types(hop))
        try:
            offered = HostKey.from_blob(transport.get_remote_server_key().asbytes())
            tell(f"{offered.key_type} {offered.fingerprint_sha256}")
            require_ok(hop.known_as, entries, offered, hop.known_hosts_files, transport.host_certificate())
        except BaseException:
            transport.close()
            raise
    return transport, offered


def check_host_key(hop: Hop, entries: Sequence[Entry], dial: Dial = dial_first) -> None:
    """Look at the host key once more, and end there. Raises what `verified_transport` raises.

    For a tunnel that was refused over a host key it cannot show: `ssh` prints no key, AsyncSSH no type it did not ask.
    """
    verified_transport(hop, entries, Progress(lambda: None), dial=dial)[0].close()


def _negotiate(hop: Hop, sock: DialedSocket, key_types: tuple[str, ...]) -> Transport:
    """Return a transport after the key exchange, with these host key types on offer."""
    transport = Transport(cast(socket.socket, sock), default_max_packet_size=_MAX_PACKET_BYTES)
    transport.daemon = True
    transport.certificates_first = wants_certificate(hop)
    transport.banner_timeout = HANDSHAKE_TIMEOUT_SECS
    transport.handshake_timeout = HANDSHAKE_TIMEOUT_SECS
    options = transport.get_security_options()
    options.key_types = known_hosts.algorithms(key_types)
    began_at = time.monotonic()
    try:
        with hang_up_on_web_servers(sock):
            transport.start_client(timeout=HANDSHAKE_TIMEOUT_SECS + 2)
        if not transport.initial_kex_done:
            raise transport.get_exception() or TimeoutError()
    except (paramiko.SSHException, OSError, EOFError) as error:
        secs = time.monotonic() - began_at
        transport.close()
        raise failures.handshake_error(hop.target, sock, options, error, secs, HANDSHAKE_TIMEOUT_SECS) from error
    return transport
