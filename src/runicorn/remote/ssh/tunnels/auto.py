"""Which tunnel carries a session: the first that can. Only chooses; host-key trouble is never passed over."""

from __future__ import annotations

from collections.abc import Callable

from runicorn.errors import ConnectError, TunnelFailedError
from runicorn.remote.ssh.interface import (
    Connection,
    Fallback,
    LoginRefusedError,
    Tunnel,
    TunnelRefusedError,
    TunnelRequest,
    each_hop,
)
from runicorn.remote.ssh.system.connection import SystemConnection
from runicorn.remote.ssh.tunnels import asyncssh, master, openssh, paramiko
from runicorn.settings import TunnelChoice

Open = Callable[[TunnelRequest], Tunnel]


def _logging_in(open_backend: Open) -> Open:
    """Return the same for a tunnel that logs in by itself: not where each login takes something new of a person."""

    def open_repeatable(request: TunnelRequest) -> Tunnel:
        if any(each.login.by_person for each in each_hop(request.connection)):
            raise TunnelRefusedError("it would have to log in once more, and that takes a person here each time")
        return open_backend(request)

    return open_repeatable


def _by_the_master(request: TunnelRequest) -> Tunnel:
    """Return the tunnel of openssh, within the connection where that is made by `ssh`."""
    if isinstance(request.connection, SystemConnection):
        return master.open_tunnel(request)
    return _logging_in(openssh.open_tunnel)(request)


def _not_by_ssh(open_backend: Open) -> Open:
    """Return the same for a tunnel that a connection made by `ssh` has no use for."""

    def open_other(request: TunnelRequest) -> Tunnel:
        if isinstance(request.connection, SystemConnection):
            raise TunnelRefusedError("the connection is made by ssh, which carries the tunnel as well")
        return open_backend(request)

    return open_other


ORDER: tuple[tuple[TunnelChoice, Open], ...] = (
    (TunnelChoice.OPENSSH, _by_the_master),
    (TunnelChoice.ASYNCSSH, _not_by_ssh(_logging_in(asyncssh.open_tunnel))),
    (TunnelChoice.PARAMIKO, _not_by_ssh(paramiko.open_tunnel)),
)


def open_tunnel(
    request: TunnelRequest,
    choice: TunnelChoice,
    check: Callable[[Tunnel], None],
    passed_over: Callable[[Fallback], None],
) -> Tunnel:
    """Return the first tunnel that carries. A forced choice has no fall-back.

    check: takes the opened tunnel over, tries it, and raises TunnelRefusedError, with it closed, if it carries nothing.
    passed_over: told of each backend that could not, in order, whatever comes after it.
    Raises TunnelFailedError, or HostKeyConfirmationError, HostKeyRevokedError and what `check` raises at once.
    """
    reasons: list[str] = []
    login_refused = False
    for backend, open_backend in ORDER:
        if choice not in (TunnelChoice.AUTO, backend):
            continue
        try:
            if choice is TunnelChoice.AUTO and backend is not TunnelChoice.PARAMIKO and _asks_agent(request.connection):
                raise TunnelRefusedError("your agent would be asked once more")
            tunnel = open_backend(request)
            check(tunnel)
            return tunnel
        except TunnelRefusedError as error:
            reason = str(error)
            login_refused = login_refused or isinstance(error, LoginRefusedError)
        except ConnectError as error:
            reason = error.detail
        request.log(f"tunnel {backend.value} passed over: {reason}")
        reasons.append(f"{backend.value}: {reason}")
        passed_over(Fallback(backend.value, reason))
    raise TunnelFailedError(
        f"No tunnel could be opened ({'; '.join(reasons)}).", login_refused=login_refused, hint=_next_step(choice)
    )


def _asks_agent(connection: Connection) -> bool:
    """Whether a login of its own would ask the person's agent, which may ask the person each time (ssh-add -c)."""
    return any(each.login.agent_key is not None for each in each_hop(connection))


def _next_step(choice: TunnelChoice) -> str | None:
    """Return what to do where one backend alone was allowed; with all of them there is a log to look at."""
    if choice is TunnelChoice.AUTO:
        return None
    return f"RUNICORN_TUNNEL allows {choice.value} only; leave it out, so that another way is taken."
