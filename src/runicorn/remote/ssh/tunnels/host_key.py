"""What to tell when a tunnel's own login stopped at the host key, which its program does not hand out."""

from __future__ import annotations

from runicorn.errors import ConnectError, RunicornError, TunnelFailedError
from runicorn.remote.ssh.interface import TunnelRequest
from runicorn.remote.ssh.paramiko.handshake import check_host_key


def explain(request: TunnelRequest) -> RunicornError:
    """Return HostKeyConfirmationError with its whole payload or HostKeyRevokedError, from one more key exchange.

    TunnelFailedError where that shows nothing wrong; either way no other backend is tried after it.
    """
    host = request.connection.target.host
    try:
        check_host_key(request.connection.target, request.known)
    except ConnectError as error:
        return TunnelFailedError(f"The tunnel did not accept the host key of {host}; asked again, {error.detail}")
    except RunicornError as error:
        return error
    return TunnelFailedError(f"{host} showed the tunnel another host key than the known one, and then the known one.")
