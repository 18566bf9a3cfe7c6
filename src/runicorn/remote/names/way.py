"""The way to a server, hop by hop, as the configs of all names on it say. Pure: who asks the configs is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from runicorn.errors import InvalidTargetError, SshConfigError
from runicorn.remote.names.settings import Settings, SshOnly
from runicorn.remote.names.typed import Typed, place, split_jumps
from runicorn.remote.trust.target import Target

MAX_HOPS = 16


class Ask(Protocol):
    """Return what the person's config says of a name. username, port: None where the config has the say."""

    def __call__(self, name: str, username: str | None, port: int | None) -> Settings: ...


@dataclass(frozen=True)
class Hop:
    """One server on the way. name: what the config calls it. target: what is dialled from the hop before.

    known_as: whose host keys it must prove itself by: a host and a port, under which known_hosts holds them.
    identities, certificates: files that may be tried, in order. identities_only: of the agent, only keys that these
    files name. agent: the socket of the agent; "none" for none, None for the usual one. proxy_command: what carries
    the first hop instead of a TCP connection. ssh_only: what only the system's ssh can do of what the config says.
    """

    name: str
    target: Target
    known_as: Target
    identities: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    known_hosts_files: tuple[str, ...] = ()
    proxy_command: str | None = None
    ssh_only: SshOnly = field(default_factory=SshOnly)


@dataclass(frozen=True)
class Way:
    """All servers on the way, the one that is meant last. resolved_by: who said so, "ssh -G" or "asyncssh"; None for
    what needed no config.
    """

    hops: tuple[Hop, ...]
    resolved_by: str | None = None

    @property
    def last(self) -> Hop:
        return self.hops[-1]

    @property
    def is_direct(self) -> bool:
        """Whether the server is dialled from here, and nothing else is on the way."""
        return len(self.hops) == 1 and self.hops[0].proxy_command is None

    def __str__(self) -> str:
        """For people: "via login.hpc as alice, then gpu-7 as alice"."""
        *before, last = (f"{hop.target.host} as {hop.target.username}" for hop in self.hops)
        command = self.hops[0].proxy_command
        first = [f"by the command {command.split()[0]}"] if command else []
        steps = [*first, *(f"via {each}" for each in before)]
        return ", ".join([*steps, f"then {last}"] if steps else [last])


def direct(target: Target) -> Way:
    """Return the way to a target that no config is asked about."""
    return Way((Hop(target.host, target, target),))


def find_way(typed: Typed, ask: Ask, resolved_by: str | None = None) -> Way:
    """Return the way to what was typed. Raises InvalidTargetError for a name, and SshConfigError for a config, from
    which no way comes.

    As in ssh: of several jumps each is reached from the one before, whatever its own config says of jumps, and the
    first one as its config says; whoever writes the jumps by hand takes the config's say away.
    """
    return Way(tuple(_hops(typed, ask, ())), resolved_by)


def _hops(typed: Typed, ask: Ask, asked: Sequence[tuple[str, str, int]]) -> list[Hop]:
    # Nothing odd reaches a program, such as an option in place of a name.
    Target.make(typed.host, typed.port or 22, "user" if typed.username is None else typed.username)
    settings = ask(typed.host, typed.username, typed.port)
    settings = replace(settings, identities=(*typed.identities, *settings.identities))
    settings = _with_own_control_path(typed, settings, ask)
    here = (settings.host, settings.username, settings.port)
    if here in asked or len(asked) >= MAX_HOPS:
        raise SshConfigError(
            f"Your ssh config leads to {typed.host} through itself.",
            hint="Take the jump host out of the ProxyJump of its own, as with `Host * !jump`.",
        )
    jumps = typed.jumps if typed.jumps is not None else split_jumps(settings.proxy_jump or "none")
    if typed.jumps is not None or jumps:
        settings = replace(settings, proxy_command=None)
    hops: list[Hop] = []
    for number, jump in enumerate(jumps):
        step = place(jump)
        if number:
            step = replace(step, jumps=())
        hops += _hops(step, ask, [*asked, here])
    if len(hops) >= MAX_HOPS:
        raise SshConfigError(f"The way to {typed.host} has more than {MAX_HOPS} hops.")
    return [*hops, _hop(typed.host, settings, hops)]


def _with_own_control_path(typed: Typed, settings: Settings, ask: Ask) -> Settings:
    """Return the settings with a control path only where they are the very ones of the name: a path need not tell the
    user and the port, and a connection of somebody else's login is not what was typed.
    """
    only = settings.ssh_only
    if only.control_path is None:
        return settings
    bare = settings if typed.username is None and typed.port is None else ask(typed.host, None, None)
    same = (bare.host, bare.username, bare.port) == (settings.host, settings.username, settings.port)
    if same and typed.jumps is None and not typed.identities:
        return settings
    return replace(settings, ssh_only=replace(only, control_path=None))


def _hop(name: str, settings: Settings, before: Sequence[Hop]) -> Hop:
    try:
        target = Target.make(settings.host, settings.port, settings.username)
        # An alias stands in known_hosts as it is, without a port.
        known_as = replace(target, host=settings.host_key_alias.lower(), port=22) if settings.host_key_alias else target
        if settings.host_key_alias:
            Target.make(settings.host_key_alias, 22, settings.username)
    except InvalidTargetError as error:
        raise InvalidTargetError(f"Your ssh config makes of {name}: {error.detail}", hint=error.hint) from None
    return Hop(
        name=name,
        target=target,
        known_as=known_as,
        identities=settings.identities,
        certificates=settings.certificates,
        identities_only=settings.identities_only,
        agent=settings.identity_agent,
        known_hosts_files=settings.known_hosts_files,
        proxy_command=None if before else settings.proxy_command,
        ssh_only=settings.ssh_only,
    )
