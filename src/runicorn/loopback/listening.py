"""Sockets that listen: on loopback always in both families, so that `localhost` is nobody else's."""

from __future__ import annotations

import errno
import socket
import sys

from runicorn.errors import PortInUseError, UsageError

BACKLOG = 1024  # the kernel cuts it down to its own limit, 4096 by default
# Where a name may lead to IPv6 first; whoever listened there would be taken for us.
_ALSO_IPV6 = ("127.0.0.1", "0.0.0.0")
_TAKEN_ON_WINDOWS = (10048, 10013)  # WSAEADDRINUSE, WSAEACCES: somebody holds it for himself alone
_ATTEMPTS = 20


def listen(host: str, port: int) -> list[socket.socket]:
    """Return the sockets that listen on an address and port; 0 picks a port, the same one for all of them.

    `localhost` is 127.0.0.1; with that and 0.0.0.0 comes ::1 where the machine has it. Raises PortInUseError, also
    where only one of the two is taken, and UsageError for a host that is no address of this machine.
    """
    if host in ("localhost", "::1"):
        host = "127.0.0.1"
    for _ in range(_ATTEMPTS):
        first = _bind(host, port)
        if host not in _ALSO_IPV6 or not has_ipv6_loopback():
            return [first]
        try:
            return [first, _bind("::1", first.getsockname()[1])]
        except PortInUseError:
            first.close()
            if port:
                raise
        except BaseException:
            first.close()
            raise
    raise PortInUseError("No port was found that is free on both 127.0.0.1 and ::1.")


def has_ipv6_loopback() -> bool:
    """Whether this machine has ::1 at all."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host!r} is no address of this machine.", hint="Use 127.0.0.1.") from error
    sock = socket.socket(family, kind, protocol)
    try:
        if sys.platform == "win32":
            # Without it, Windows lets a second program take the same port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::1":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _explain(host, port, error) from error
    return sock


def _explain(host: str, port: int, error: OSError) -> PortInUseError | UsageError:
    if error.errno == errno.EACCES:
        return PortInUseError(f"Port {port} on {host} may not be used by this user.")
    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) in _TAKEN_ON_WINDOWS:
        return PortInUseError(f"Port {port} on {host} is in use by another program.")
    return UsageError(f"{host} port {port} cannot be listened on: {error.strerror or error}.", hint="Use 127.0.0.1.")
