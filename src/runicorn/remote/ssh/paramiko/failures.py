"""Why a key exchange did not come about: the one error that names the cause."""

from __future__ import annotations

import paramiko

from runicorn.errors import (
    ConnectError,
    ConnectionClosedError,
    ConnectionTimeoutError,
    NoCommonAlgorithmError,
    NotSshError,
    ProxyCommandError,
)
from runicorn.remote.ssh import server_words
from runicorn.remote.ssh.dialing import DialedSocket
from runicorn.remote.trust.target import Target

_EXTENSIONS = ("ext-info-", "kex-strict-")  # announced among the key exchanges, but none


def handshake_error(
    target: Target,
    sock: DialedSocket,
    ours: paramiko.SecurityOptions,
    error: Exception,
    secs: float,
    limit_secs: float,
) -> ConnectError:
    """Return the error for a key exchange that ended with this one of Paramiko's after so many seconds."""
    where = f"{target.host} port {target.port}"
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        reason = (
            nothing_in_common(server_words.find_offer(sock.first_bytes), ours) or f"no algorithm in common: {error}"
        )
        return NoCommonAlgorithmError(f"{where} and this client have {reason}.")
    busy = server_words.busy_line(sock.first_bytes)
    if busy:
        return ConnectionClosedError(
            f"{where} takes no more logins at the moment ({busy}).",
            hint="Wait a moment and connect again; if it stays so, ask its administrator to raise MaxStartups.",
        )
    if sock.first_bytes and b"SSH-" not in sock.first_bytes:
        said = server_words.first_line(sock.first_bytes)
        return NotSshError(f"{where} answers, but not with SSH: {said!r}.")
    if sock.is_web_server or (not sock.first_bytes and sock.ended and sock.speaks_http()):
        return NotSshError(f"{where} answers, but not with SSH: it is a web server.")
    command_said = getattr(sock, "complaint", "")
    if command_said and not sock.first_bytes:
        return ProxyCommandError(f"The command that leads to {target.host} failed: {command_said}.".replace("..", "."))
    if not sock.first_bytes and not sock.ended and secs >= limit_secs - 1:
        return ConnectionTimeoutError(
            f"{where} accepted the connection, but said nothing for {secs:.0f} s.",
            hint="Check the port: an SSH server speaks first; or the server is overloaded.",
        )
    if secs >= limit_secs - 1:
        return ConnectionTimeoutError(f"{where} did not finish the key exchange within {secs:.0f} s.")
    return ConnectionClosedError(f"{where} closed the connection before the login.")


def nothing_in_common(offer: server_words.Offer | None, ours: paramiko.SecurityOptions) -> str | None:
    """Return which kind of algorithm has no match, with the server's offer; None if its offer is not known."""
    if offer is None:
        return None
    for kind, mine, theirs in (
        ("key exchange", ours.kex, offer.key_exchange),
        ("host key type", ours.key_types, offer.host_keys),
        ("cipher", ours.ciphers, offer.ciphers),
        ("message digest", ours.digests, offer.macs),
    ):
        names = [name for name in theirs if not name.startswith(_EXTENSIONS)]
        if not set(mine) & set(names):
            return f"no {kind} in common; the server offers {', '.join(names) or 'none'}"
    return None
