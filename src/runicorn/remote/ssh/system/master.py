"""The `ssh` that logs in and then carries everything: its folder, its config, its questions, and how it ends."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from runicorn.errors import ConnectionClosedError, ConnectionTimeoutError, NotSshError
from runicorn.remote.asking.question import Asker
from runicorn.remote.names.way import Way
from runicorn.remote.ssh import kept_ssh
from runicorn.remote.ssh.asked_keys import all_types
from runicorn.remote.ssh.dialing import speaks_http
from runicorn.remote.ssh.own_config import CONFIG, config_block, hop_name
from runicorn.remote.ssh.paramiko.conversation import SLOW, SLOW_AFTER_SECS
from runicorn.remote.ssh.system import desk
from runicorn.remote.ssh.system.desk import Desk
from runicorn.remote.ssh.system.failures import is_refusal, why_it_ended
from runicorn.remote.ssh.system.hang_ups import HangUps
from runicorn.remote.ssh.system.logins import Logins
from runicorn.remote.ssh.system.mux import Mux, environment_for
from runicorn.remote.ssh.system.offering import Offer, options_for, shows_no_key
from runicorn.remote.ssh.tunnels.agent import OneKeyAgent
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import Entry
from runicorn.remote.trust.target import Credentials

CONTROL_SOCKET = "m"
REACH_TIMEOUT_SECS = 30.0
LOGIN_TIMEOUT_SECS = 90.0  # as with Paramiko: LDAP, or a push to a phone
STOP_TIMEOUT_SECS = 2.0
LOOK_SECS = 0.01
SAID_BYTES_KEPT = 64 * 1024


class Master:
    """A live `ssh -M`, or one that is on its way to be. Close it."""

    def __init__(
        self,
        ssh: str,
        way: Way,
        offers: Sequence[Offer],
        entries: Sequence[Entry],
        credentials: Credentials,
        asker: Asker | None,
    ) -> None:
        """Start it. offers: for each hop. credentials: what was given for the last one. Raises TunnelRefusedError."""
        self._way = way
        self._said = bytearray()
        self.refused = 0, ""
        self._told = 0
        self._closed = False
        self._closing = threading.Lock()
        self._hang_ups: HangUps | None = None
        self._given = credentials
        self._gave_key = bool(credentials.private_key or credentials.private_key_path)
        self._process: subprocess.Popen[bytes] | None = None
        self._agents: list[OneKeyAgent] = []
        self._folder = kept_ssh.private_folder()
        self.logins = Logins(way.hops, entries, credentials, asker, self._news, self._waits_on)
        self._desk = Desk(self._folder, self.logins.serve)
        try:
            desk.write_scripts(self._folder)
            self._write_config(offers, entries)
            environment = {
                **environment_for(os.environ),
                "SSH_ASKPASS": str(self._folder / desk.ASK),
                "SSH_ASKPASS_REQUIRE": "force",
            }
            self.mux = Mux(ssh, self._folder, f"./{CONTROL_SOCKET}", environment, way.last.target.host)
            command = [ssh, "-F", f"./{CONFIG}", "-M", "-N", "-T", "-S", f"./{CONTROL_SOCKET}"]
            command += ["-l", way.last.target.username, "--", hop_name(len(way.hops) - 1)]
            self._process = kept_ssh.spawn(self._folder, command, environment)
            self._hang_ups = HangUps(self._process.pid)
        except BaseException:
            self.close()
            raise
        self._reader = threading.Thread(target=self._listen, name="ssh-master-stderr", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        return not self._closed and self._process is not None and self._process.poll() is None

    @property
    def ended_by_server(self) -> bool:
        """Whether it has ended because the server closed the connection; one that is about to is waited for."""
        deadline = time.monotonic() + STOP_TIMEOUT_SECS
        while self.alive and time.monotonic() < deadline:
            time.sleep(LOOK_SECS)
        self._reader.join(STOP_TIMEOUT_SECS)
        return not self.alive and "closed by remote host" in self._all_said()

    def forward_path(self, name: str) -> str:
        return f"./{name}"  # it runs there

    def wait(self, progress: Progress) -> None:
        """Return once it has logged in. Raises what Logins did, and the error that it ended with."""
        hops = self._way.hops
        with progress.stage("resolve") as tell:
            tell("by ssh")
        for number, hop in enumerate(hops):
            with progress.stage("tcp") as tell:
                tell("by ssh")
                self._until(lambda: self.logins.judged > number, number, REACH_TIMEOUT_SECS)  # noqa: B023
            with progress.stage("host_key") as tell:
                self._until(lambda: len(self.logins.keys) > number, number, REACH_TIMEOUT_SECS)  # noqa: B023
                key = self.logins.keys[number]
                tell(f"{key.key_type} {key.fingerprint_sha256}")
            with progress.stage("login") as tell:
                self.logins.tell = tell
                last = hop is hops[-1]
                done = self._listens if last else lambda: self.logins.judged > number + 1  # noqa: B023
                self._until(done, number, LOGIN_TIMEOUT_SECS, lambda: tell(SLOW))
                tell("by ssh")

    def close(self) -> None:
        """End it, with all that it carries. May be called twice, from any thread."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        if self._process is not None:
            kept_ssh.end(self._process)
        self._desk.close()
        for agent in self._agents:
            agent.close()
        if self._process is not None:
            self._reader.join(STOP_TIMEOUT_SECS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _waits_on(self) -> bool:
        """Whether it still lives, and its server with it, while it waits for an answer."""
        return self.alive and not (self._hang_ups is not None and self._hang_ups.ended())

    def _until(
        self, done: Callable[[], bool], number: int, limit_secs: float, tell_slow: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until it is done. The time that a person takes does not count. tell_slow: called once it takes long."""
        deadline, slow_at, told = time.monotonic() + limit_secs, time.monotonic() + SLOW_AFTER_SECS, False
        logins = self.logins
        while True:
            with logins.turn:
                if done():
                    return
                if logins.error is not None:
                    raise logins.error
                now = time.monotonic()
                if logins.asking:
                    deadline, slow_at, told = now + limit_secs, now + SLOW_AFTER_SECS, False
                elif not self.alive:
                    break
                if now > slow_at and not told:
                    told = True
                    tell_slow()
                if now > deadline:
                    raise ConnectionTimeoutError(
                        f"{self._way.hops[number].target.host} did not come to an end within {limit_secs:.0f} s.",
                        hint="Connect again; the server, or whom it asks about logins, is slow.",
                    )
                logins.turn.wait(LOOK_SECS)
        self._reader.join(STOP_TIMEOUT_SECS)
        raise self._failure()

    def _failure(self) -> Exception:
        hops, logins = self._way.hops, self.logins
        # Who was asked for its key is logged in to, or else the next one was on its way to be reached.
        at = len(logins.keys) - 1 if logins.keys else 0
        said = self._all_said()
        if logins.keys and at + 1 < len(hops) and not is_refusal(said) and not logins.wanted:
            at += 1
        logged_in_at = at == len(logins.keys) - 1
        error = why_it_ended(
            said,
            hops[at],
            hops[at - 1] if at else None,
            reached=logged_in_at,
            gave_key=self._gave_key and at == len(hops) - 1,
            no_key=logged_in_at and self._shows_no_key(at),
            sent=logged_in_at and logins.sent,
            typed=logged_in_at and logins.typed,
            wanted=logins.wanted if logged_in_at else (),
        )
        by_tcp = at == 0 and not logged_in_at and hops[0].proxy_command is None
        if by_tcp and isinstance(error, ConnectionClosedError | ConnectionTimeoutError) and speaks_http(hops[0].target):
            where = f"{hops[0].target.host} port {hops[0].target.port}"
            return NotSshError(f"{where} answers, but not with SSH: it is a web server.")
        return error

    def _shows_no_key(self, at: int) -> bool:
        is_last = at == len(self._way.hops) - 1
        given = self._given if is_last else Credentials(use_agent=self._given.use_agent)
        return shows_no_key(self._way.hops[at], given)

    def _listens(self) -> bool:
        """Whether the login is over: only then `ssh` makes its control socket."""
        return (self._folder / CONTROL_SOCKET).exists()

    def _write_config(self, offers: Sequence[Offer], entries: Sequence[Entry]) -> None:
        blocks = []
        for number, (hop, offer) in enumerate(zip(self._way.hops, offers, strict=True)):
            if offer.key is not None:
                public = known_hosts.HostKey.from_blob(offer.key.public_blob).public_key
                (self._folder / offer.public_key_file).write_text(public + "\n", encoding="utf-8")
                self._agents.append(OneKeyAgent(self._folder / offer.agent_socket, offer.key))
            # With the stored types first: with another one the key is shown as changed.
            stored = known_hosts.stored_types(entries, hop.known_as.known_hosts_host)
            options = options_for(hop, number, all_types(hop, stored))
            blocks.append(config_block(number, hop, [*offer.lines, *options]))
        (self._folder / CONFIG).write_text("".join(blocks), encoding="utf-8")

    def _news(self) -> str:
        """Return what it said since this was last called, which is where it prints what a server says."""
        assert self._process is not None and self._process.stderr is not None
        for _ in range(10):  # what came before its question is read before that is put to anybody
            with contextlib.suppress(OSError, ValueError):
                if not select.select([self._process.stderr], [], [], 0)[0]:
                    break
            time.sleep(LOOK_SECS)
        told, self._told = self._told, len(self._said)
        return bytes(self._said[told:]).decode("utf-8", "replace").replace("\r", "")

    def _all_said(self) -> str:
        return self._said.decode("utf-8", "replace")

    def _listen(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        with self._process.stderr as stream:
            begun = b""  # of a line
            while chunk := os.read(stream.fileno(), 4096):
                if len(self._said) < SAID_BYTES_KEPT:
                    self._said += chunk
                *lines, begun = (begun + chunk)[-SAID_BYTES_KEPT:].split(b"\n")
                for line in lines:
                    refusal = kept_ssh.last_refusal(line.decode("utf-8", "replace"))
                    if refusal:
                        self.refused = self.refused[0] + 1, refusal
