"""Ask a host what it has, and remember the answer for a moment."""

from __future__ import annotations

import secrets
import time
import weakref

from runicorn.errors import StartError
from runicorn.remote.link.connections import RunBlocking
from runicorn.remote.server import probe
from runicorn.remote.server.probe import Environment, HostFacts
from runicorn.remote.server.shell import SHELL_COMMAND
from runicorn.remote.ssh.interface import Connection
from runicorn.remote.trust.target import Target

PROBE_TIMEOUT_SECS = 20.0
ANSWER_LIMIT_BYTES = 8 * 1024 * 1024
FRESH_SECS = 60.0


class Probes:
    """The facts of each connection. A listing asks anew; a start uses what was just listed."""

    def __init__(self, run_blocking: RunBlocking) -> None:
        self._run_blocking = run_blocking
        self._homes: dict[Target, str] = {}
        self._known: weakref.WeakKeyDictionary[Connection, tuple[float, HostFacts]] = weakref.WeakKeyDictionary()

    async def facts(
        self, connection: Connection, environment: str | None = None, *, max_age_secs: float = 0.0
    ) -> HostFacts:
        """Return what the host has, at most this old. Raises the errors of `probe.parse` and of running a command.

        environment: one that has to be among it if it is there, also where it is named by a path that is nowhere
        searched.
        """
        path = environment if environment is not None and probe.is_path(environment) else None
        known = self._known.get(connection)
        if known and time.monotonic() - known[0] <= max_age_secs and (path is None or _holds(known[1], path)):
            return known[1]
        facts: HostFacts = await self._run_blocking(ask, connection, path)
        self._known[connection] = (time.monotonic(), facts)
        self._homes[connection.target] = facts.home
        return facts

    def home(self, target: Target) -> str | None:
        """Return this user's home folder there, if it was ever told."""
        return self._homes.get(target)

    async def usable_environment(self, connection: Connection, name: str | None) -> Environment:
        """Return the environment to start in. Raises EnvironmentNotFoundError and the errors of `require_usable`."""
        facts = await self.facts(connection, name, max_age_secs=FRESH_SECS)
        try:
            environment = probe.choose(facts, name)
            probe.require_usable(environment)
        except StartError:
            # It may have been made or mended since.
            environment = probe.choose(await self.facts(connection, name), name)
            probe.require_usable(environment)
        return environment


def _holds(facts: HostFacts, path: str) -> bool:
    return any(path in (each.name, each.path) for each in facts.environments)


def ask(connection: Connection, path: str | None = None) -> HostFacts:
    """Send the probe and return its answer. path: of one more environment. Blocking, at most 20 s."""
    begin, end = f"<<<{secrets.token_hex(8)}", f"{secrets.token_hex(8)}>>>"
    done = connection.run(
        SHELL_COMMAND,
        stdin=probe.script(begin, end, path),
        timeout_secs=PROBE_TIMEOUT_SECS,
        limit_bytes=ANSWER_LIMIT_BYTES,
    )
    return probe.parse(done.stdout, done.stderr, done.exit_status, begin, end)
