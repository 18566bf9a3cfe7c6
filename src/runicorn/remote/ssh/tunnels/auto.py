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
)
from runicorn.remote.ssh.tunnels import asyncssh, openssh, paramiko
from runicorn.settings import TunnelChoice

ORDER: tuple[tuple[TunnelChoice, Callable[[TunnelRequest], Tunnel]], ...] = (
    (TunnelChoice.OPENSSH, openssh.open_tunnel),
    (TunnelChoice.ASYNCSSH, asyncssh.open_tunnel),
    (TunnelChoice.PARAMIKO, paramiko.open_tunnel),
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
    before = connection.before
    return connection.login.agent_key is not None or (before is not None and _asks_agent(before))


def _next_step(choice: TunnelChoice) -> str | None:
    """Return what to do where one backend alone was allowed; with all of them there is a log to look at."""
    if choice is TunnelChoice.AUTO:
        return None
    return f"RUNICORN_TUNNEL allows {choice.value} only; leave it out, so that another way is taken."
