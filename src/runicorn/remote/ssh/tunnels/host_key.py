"""What to tell when a tunnel's own login stopped at the host key, which its program does not hand out."""

from __future__ import annotations

from collections.abc import Sequence

from runicorn.errors import ConnectError, RunicornError, TunnelFailedError
from runicorn.remote.ssh.carriers import dial_first
from runicorn.remote.ssh.interface import Connection
from runicorn.remote.ssh.paramiko import ParamikoConnection
from runicorn.remote.ssh.paramiko.handshake import check_host_key
from runicorn.remote.trust.known_hosts import Entry


def explain(connection: Connection, known: Sequence[Entry]) -> RunicornError:
    """Return HostKeyConfirmationError with its whole payload or HostKeyRevokedError, from one more key exchange.

    connection: the one to the server, or the hop on the way, whose key was not accepted.

    TunnelFailedError where that shows nothing wrong; either way no other backend is tried after it.
    """
    hop, before = connection.hop, connection.before
    host = hop.target.host
    dial = before.dial if isinstance(before, ParamikoConnection) else dial_first
    try:
        check_host_key(hop, known, dial)
    except ConnectError as error:
        return TunnelFailedError(f"The tunnel did not accept the host key of {host}; asked again, {error.detail}")
    except RunicornError as error:
        return error
    return TunnelFailedError(f"{host} showed the tunnel another host key than the known one, and then the known one.")
