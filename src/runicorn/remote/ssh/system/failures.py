"""What it means that `ssh` ended before it was connected, by its own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runicorn.errors import (
    AuthFailedError,
    ConnectionClosedError,
    ConnectionRefusedByHostError,
    ConnectionTimeoutError,
    DnsFailedError,
    HostUnreachableError,
    InteractionRequiredError,
    JumpForbiddenError,
    NoCommonAlgorithmError,
    ProxyCommandError,
    RemoteError,
)
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh.paramiko.login import next_step, nothing_to_log_in_with

CHECK_TYPING = "Connect again and check what you type; a code is good for a short time, and once."
_DENIED = re.compile(r"Permission denied \(([^)]*)\)")
_NOTHING_IN_COMMON = re.compile(r"no matching (.+?) found\. Their offer: (\S+)")
# What ssh says of a link that ended, whatever the reason was.
_OF_THE_END = re.compile(
    r"kex_exchange_identification: |banner exchange: |Connection (closed|reset) by |ssh_dispatch_run_fatal"
)
_UNREACHED = ("open failed: connect failed", "stdio forwarding failed", "Connection refused")


def is_refusal(said: str) -> bool:
    """Whether the last server that was reached refused the login."""
    return _DENIED.search(said) is not None or "Too many authentication failures" in said


def why_it_ended(
    said: str,
    hop: Hop,
    before: Hop | None,
    *,
    reached: bool,
    gave_key: bool,
    no_key: bool,
    sent: bool,
    typed: bool,
    wanted: Sequence[str],
) -> RemoteError:
    """Return the error for an `ssh` that ended on its way to this hop, or in the login there.

    said: all that it said. before: the hop that this one is reached from. reached: whether it has shown its host key.
    gave_key: whether a key was named. no_key: whether there was none to show. sent: whether a password or an answer
    went to it. typed: whether a person typed that. wanted: what it asked for, and there was nobody to ask.
    """
    host, where = hop.target.host, f"{hop.target.host} port {hop.target.port}"
    denied = _DENIED.search(said)
    if wanted and (denied or not sent):
        return InteractionRequiredError(host, wanted)
    if denied:
        allowed = [each for each in denied[1].split(",") if each]
        if no_key and not sent:
            return nothing_to_log_in_with(host, allowed)
        hint = next_step(allowed, gave_key=gave_key, gave_password=sent, part=None)
        if typed:
            hint = CHECK_TYPING
        takes = f" It would accept: {', '.join(allowed)}." if allowed else ""
        return AuthFailedError(
            f"{host} did not accept this login for {hop.target.username}.{takes}", allowed=allowed, hint=hint
        )
    if "Too many authentication failures" in said:
        return AuthFailedError(
            f"{host} closed the connection after refused logins: too many authentication failures.",
            hint="Name the one key that this server knows, instead of trying all of the agent's.",
        )
    nothing = _NOTHING_IN_COMMON.search(said)
    if nothing:
        return NoCommonAlgorithmError(
            f"{where} and ssh have no {nothing[1]} in common; the server offers {nothing[2].replace(',', ', ')}."
        )
    if before is None and hop.proxy_command is not None and not reached:
        return ProxyCommandError(f"The command that leads to {host} failed: {_last(said)}.".replace("..", "."))
    if before is not None and "administratively prohibited" in said:
        return JumpForbiddenError(f"{before.target.host} does not let anybody go on to {where}.")
    if before is not None and any(each in said for each in _UNREACHED):
        return HostUnreachableError(
            f"{before.target.host} cannot reach {where}: {_last(said)}.",
            hint=f"Check that name and port as {before.target.host} sees them, and that a server runs there.",
        )
    if "Could not resolve hostname" in said:
        return DnsFailedError(f"The name {host} could not be resolved: {_last(said).rsplit(': ', 1)[-1]}.")
    if "Connection refused" in said:
        return ConnectionRefusedByHostError(f"{where} refused the connection.")
    if "timed out" in said:
        return ConnectionTimeoutError(f"{where} did not answer in time: {_last(said)}.")
    if "No route to host" in said or "Network is unreachable" in said:
        return HostUnreachableError(f"{where} cannot be reached: {_last(said).rsplit(': ', 1)[-1]}.")
    if reached:
        return ConnectionClosedError(f"{host} closed the connection during the login.")
    return ConnectionClosedError(f"ssh did not reach {where}: {_last(said)}.".replace("..", "."))


def _last(said: str) -> str:
    """Return the last line that tells something: that of the innermost `ssh`, which comes first."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if not _OF_THE_END.match(line)]
    return (telling or lines or ["it said nothing"])[-1].rstrip(".")
