"""The single steps of looking at the way to a server. Each blocks, with a limit, and changes nothing there.

The SSH libraries are loaded by the steps that speak SSH: the first lines of an examination are not held up by them.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runicorn.errors import (
    ConnectError,
    ConnectionTimeoutError,
    ForwardingForbiddenError,
    NoCommonAlgorithmError,
    NotSshError,
    RemoteRootMissingError,
    RemoteRootUnreadableError,
    RunicornError,
    StartError,
    TunnelFailedError,
)
from runicorn.remote.asking.question import Asker
from runicorn.remote.doctor.ways import Ways
from runicorn.remote.link.holder import Holder
from runicorn.remote.names.way import Way
from runicorn.remote.server import probe, probing, shell, shell_facts
from runicorn.remote.server.probe import HostFacts
from runicorn.remote.server.shell_facts import RootFacts, ShellFacts
from runicorn.remote.ssh import dialing, server_words
from runicorn.remote.ssh.dialing import DialedSocket
from runicorn.remote.ssh.interface import Completed, Connection, Tunnel, TunnelRefusedError, TunnelRequest
from runicorn.remote.ssh.tunnels.complaint import complaint_of
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target
from runicorn.settings import Settings, TunnelChoice

if TYPE_CHECKING:
    from runicorn.remote.ssh.paramiko.stepwise import Introduction
    from runicorn.remote.ssh.system import BySsh

VERSION_TIMEOUT_SECS = 10.0
VERSION_LIMIT_BYTES = 8192
COMMAND_TIMEOUT_SECS = 15.0
ANSWER_LIMIT_BYTES = 1024 * 1024
CARRY_TIMEOUT_SECS = 10.0
LITTLE_SPACE_BYTES = 1024**3
CLOCK_WARNING_SECS = 10.0  # a run counts as killed when its heartbeat is a minute old, by the viewer's clock there
NOISE_CHARS = 40
STAND_IN = "Another tunnel stands in for this one; RUNICORN_TUNNEL forces one of them."


@dataclass(frozen=True)
class Found:
    """What a step found, in a few words. warning: it works, but somebody should know."""

    detail: str
    warning: bool = False
    hint: str = ""


@dataclass
class Examination:
    """One server looked at. What a step finds the later ones use; `holder` closes all of it.

    asker: whoever answers what the server asks while logging in; None where nobody does.
    """

    settings: Settings
    host_keys: HostKeyFile
    user_home: Path
    target: Target
    way: Way
    credentials: Credentials
    root: str | None
    environment: str | None
    asker: Asker | None = None
    holder: Holder = field(default_factory=Holder)
    carried: list[TunnelChoice] = field(default_factory=list)
    ways: Ways = field(default_factory=Ways)
    _by_ssh: BySsh | None = None
    _is_open: bool = False
    _addresses: list[Any] = field(default_factory=list)
    _socket: DialedSocket | None = None
    _dial: Callable[[Progress], DialedSocket] | None = None
    _met: Introduction | None = None
    _connection: Connection | None = None
    _shell: ShellFacts | None = None
    _facts: HostFacts | None = None
    _root: RootFacts | None = None
    _clock_offset_secs: float = 0.0

    # --- to the server ----------------------------------------------------------------------------------------------

    def name(self) -> Found:
        """Look the name up; where others are on the way, log in to those, as only they know it.

        Where the system's `ssh` is what connects, it is left to that; where the person has a connection open, there is
        nothing to look for on the way.
        """
        if self._take_open():
            assert self._connection is not None
            return Found(f"{self.way}; {self._connection.connector_reason}")
        if not self.way.is_direct:
            self._by_ssh = self._which_ssh()
            if self._by_ssh is not None:
                return Found(f"{self.way}; {_told(self._by_ssh)}")
            self._dial = self._reach()
            return Found(str(self.way))
        self._addresses = dialing.resolve(self.way.last.target)
        return Found(", ".join(dict.fromkeys(str(each[4][0]) for each in self._addresses)))

    def port(self) -> Found:
        if self._is_open:
            return Found("not asked: your open connection is used")
        if self._left_to_ssh:
            return Found("seen by ssh, on its way")
        if self._dial is not None:
            self._socket = self.holder.own(self._dial(Progress()))
            return Found(f"{self.way.last.target.port} is open, as seen from there")
        last = self.way.last.target
        sock = dialing.connect(last, self._addresses)
        self._socket = self.holder.own(DialedSocket(sock, lambda: dialing.speaks_http(last)))
        address, port = sock.getpeername()[:2]
        return Found(f"{port} is open at {address}")

    def server(self) -> Found:
        """Read the version line on the socket at hand, on which the host key is asked for next: a firewall may count
        connections (`ufw limit` refuses the sixth within 30 s).
        """
        if self._is_open:
            return Found("not asked: your open connection is used")
        if self._left_to_ssh:
            return Found("heard by ssh, on its way")
        assert self._socket is not None
        sock, self._socket = self._socket, None
        last = self.way.last.target
        where = f"{last.host} port {last.port}"
        try:
            said = _first_bytes(sock)
        except TimeoutError:
            self.holder.drop(sock)
            if self._dial is None and dialing.speaks_http(last):
                raise NotSshError(f"{where} answers, but not with SSH: it is a web server.") from None
            raise ConnectionTimeoutError(
                f"{where} accepted the connection, but said nothing for {VERSION_TIMEOUT_SECS:.0f} s."
            ) from None
        version = next((line for line in said.decode("ascii", "replace").splitlines() if line.startswith("SSH-")), None)
        busy = server_words.busy_line(said)
        if busy or version is None:
            self.holder.drop(sock)
        if busy:
            raise ConnectError(
                f"{where} takes no more logins at the moment ({busy}).", hint="Wait a moment, and look again."
            )
        if version is None:
            raise NotSshError(f"{where} answers, but not with SSH: {server_words.first_line(said)!r}.")
        sock.unread(said)
        self._socket = sock
        return Found(server_words.first_line(version.encode()).removeprefix("SSH-2.0-"))

    def host_key(self) -> Found:
        if self._is_open:
            return Found("judged by your ssh, when you opened the connection")
        if self._left_to_ssh:
            return Found("judged with each hop of the login")
        self._by_ssh = self._which_ssh()
        try:
            self._met = self.holder.own(self._meet())
        except NoCommonAlgorithmError as error:
            self._by_ssh = self._instead_of_paramiko(error)
            if self._by_ssh is None:
                raise
            return Found(f"judged with the login; {_told(self._by_ssh)}")
        return Found(f"known: {self._met.host_key.key_type} {self._met.host_key.fingerprint_sha256}")

    def login(self) -> Found:
        if self._is_open:
            return Found("none: your own ssh is logged in")
        if self._by_ssh is not None:
            return self._log_in_by_ssh(self._by_ssh)
        if self._met is None:  # the last login used it up
            self._met = self.holder.own(self._meet())
        met, self._met = self._met, None
        try:
            self._connection, used, methods = met.log_in(self.credentials, self.user_home, self.asker)
        except BaseException:
            self.holder.drop(met)
            raise
        return Found(f"{used}; the server takes {', '.join(methods)}" if methods else used)

    @property
    def _left_to_ssh(self) -> bool:
        return self._by_ssh is not None and not self.way.is_direct

    def _take_open(self) -> bool:
        """Take the connection that the person has open, if there is one that can be used."""
        if self.way.last.ssh_only.control_path is None:
            return False
        from runicorn.remote.ssh import connectors

        settings = self.settings
        live = connectors.open_already(self.target, self.way, self.credentials, settings.connector, settings.ssh_path)
        if live is not None:
            self._connection = self.holder.own(live)
            self._is_open = True
        return self._is_open

    def _which_ssh(self) -> BySsh | None:
        from runicorn.remote.ssh import connectors

        settings = self.settings
        return connectors.which_ssh(self.way, self.credentials, settings.connector, settings.ssh_path, _drop)

    def _instead_of_paramiko(self, error: NoCommonAlgorithmError) -> BySsh | None:
        from runicorn.remote.ssh import connectors

        return connectors.instead_of_paramiko(self.way, self.settings.connector, self.settings.ssh_path, error, _drop)

    def _log_in_by_ssh(self, by: BySsh) -> Found:
        from runicorn.remote.ssh import system

        if self._met is not None:
            met, self._met = self._met, None
            self.holder.drop(met)
        self._connection = system.connect(
            by, self.target, self.way, self.credentials, self.host_keys, Progress(), self.holder.own, self.asker
        )
        return Found(_told(by))

    def _reach(self) -> Callable[[Progress], DialedSocket]:
        from runicorn.remote.ssh.paramiko.stepwise import reach  # with all of Paramiko, once it is needed

        return reach(self.way, self.credentials, self.host_keys, self.user_home, self.holder.own, self.asker)

    def _meet(self) -> Introduction:
        from runicorn.remote.ssh.paramiko.stepwise import meet

        dial = self._dial or self._reach()
        at_hand, self._socket = self._socket, None

        def open_stream(progress: Progress) -> DialedSocket:
            nonlocal at_hand
            if at_hand is None:
                return dial(progress)
            sock, at_hand = at_hand, None
            return sock

        return meet(self.way, self.host_keys, open_stream)

    # --- what may be done there -------------------------------------------------------------------------------------

    def exec(self) -> Found:
        begin, end = secrets.token_hex(12), secrets.token_hex(12)
        asked_at = time.time()
        done = self._run(shell_facts.shell_script(begin, end))
        answered_at = time.time()
        self._shell = facts = shell_facts.parse_shell(done.stdout, done.stderr, done.exit_status, begin, end)
        # It was asked between the two; its clock tells whole seconds, cut off.
        self._clock_offset_secs = min(0.0, facts.clock + 1 - asked_at) or max(0.0, facts.clock - answered_at)
        if facts.noise_bytes:
            noise = " ".join(facts.noise.split())[:NOISE_CHARS]
            return Found(
                f"{facts.shell}; its start files print {facts.noise_bytes} bytes: {noise!r}",
                warning=True,
                hint="Runicorn reads past it; but SFTP and scp break on it, so print for interactive shells only.",
            )
        return Found(f"{facts.shell}, quiet")

    def sftp(self) -> Found:
        assert self._connection is not None
        files = self._connection.files()
        try:
            found = Found(f"home is {files.absolute('.')}")
        finally:
            files.close()
        self.ways.sftp = True
        return found

    def agent(self) -> Found:
        assert self._connection is not None
        return Found(self.ways.try_agent(self._connection, self.holder.own, self.root))

    def forwarding(self, backend: TunnelChoice) -> Found:
        """Carry one connection to the server's own SSH port and back, by this backend."""
        assert self._connection is not None
        if self._connection.connector == "ssh" and backend is not TunnelChoice.OPENSSH:
            return Found("not needed: the ssh that is connected carries it as well")
        from runicorn.remote.ssh.tunnels import auto

        port = (self._shell.ssh_port if self._shell else None) or self.way.last.target.port
        open_backend = dict(auto.ORDER)[backend]
        request = TunnelRequest(
            connection=self._connection,
            remote_port=port,
            known=tuple(self.host_keys.entries()),
            ssh_path=self.settings.ssh_path,
            log=_drop,
        )
        try:
            tunnel = self.holder.own(open_backend(request))
        except TunnelRefusedError as error:
            raise TunnelFailedError(f"{_sentence(str(error))}.", hint=STAND_IN) from error
        try:
            found = self._carry(tunnel, port)
        finally:
            self.holder.drop(tunnel)
        self.carried.append(backend)
        return found

    # --- what is there ----------------------------------------------------------------------------------------------

    def python(self) -> Found:
        assert self._connection is not None
        named = self.environment
        self._facts = probing.ask(self._connection, named if named and probe.is_path(named) else None)
        system = next(each for each in self._facts.environments if each.kind == "system")
        return Found(f"{system.python_version}, {system.path}")

    def environments(self) -> Found:
        assert self._facts is not None
        known = self._facts.environments
        with_runicorn = [each for each in known if each.runicorn_version]
        chosen = probe.choose(self._facts, self.environment)
        return Found(f"{len(known)}, {len(with_runicorn)} with runicorn; {chosen.name} is taken")

    def runicorn(self) -> Found:
        assert self._facts is not None
        chosen = probe.choose(self._facts, self.environment)
        try:
            probe.require_usable(chosen)
        except StartError as error:
            if self.environment is not None:
                raise
            # Nobody asked for a viewer over there, and nothing but one is missing.
            return Found(f"{error.detail} An agent reads the folder without one.", warning=True)
        self.ways.viewer = f"Runicorn {chosen.runicorn_version} in {chosen.name}"
        return Found(f"{chosen.runicorn_version} in {chosen.name}, Python {chosen.python_version}")

    def storage(self) -> Found:
        assert self._facts is not None
        path = self.root or self._facts.default_root
        begin, end = secrets.token_hex(12), secrets.token_hex(12)
        done = self._run(shell_facts.root_script(path, begin, end))
        self._root = facts = shell_facts.parse_root(done.stdout, begin, end)
        if facts.problem:
            wrong = RemoteRootUnreadableError if "read" in facts.problem else RemoteRootMissingError
            raise wrong(f"{facts.path} {facts.problem}.")
        return Found(f"{facts.path}, {facts.runs} run{'' if facts.runs == 1 else 's'}")

    def disk(self) -> Found:
        assert self._root is not None
        free = self._root.free_bytes
        if free is None:
            return Found("the server does not tell how much is free", warning=True)
        if free < LITTLE_SPACE_BYTES:
            return Found(
                f"only {free / 1e6:.0f} MB are free where the runs are",
                warning=True,
                hint="Make room there before a run cannot be written any more.",
            )
        return Found(f"{free / 1e9:,.0f} GB are free where the runs are")

    def clock(self) -> Found:
        offset = self._clock_offset_secs
        if abs(offset) < CLOCK_WARNING_SECS:
            return Found("the same as here" if not offset else f"{abs(offset):.0f} s {_ahead(offset)}")
        return Found(
            f"{abs(offset):,.0f} s {_ahead(offset)}",
            warning=True,
            hint="Times of runs will look wrong; set one of the two clocks right.",
        )

    def reading(self) -> Found:
        assert self._connection is not None
        self.ways.is_carried = bool(self.carried)
        named = self.environment is not None
        return Found(self.ways.chosen(self._connection, self.holder.own, self.root, named=named))

    def _run(self, script: bytes) -> Completed:
        assert self._connection is not None
        command, stdin = shell.deliver(script)
        return self._connection.run(
            command, stdin=stdin, timeout_secs=COMMAND_TIMEOUT_SECS, limit_bytes=ANSWER_LIMIT_BYTES
        )

    def _carry(self, tunnel: Tunnel, port: int) -> Found:
        here, there = _tcp_pair()
        with here:
            here.settimeout(CARRY_TIMEOUT_SECS)
            tunnel.carry(there)
            try:
                said = here.recv(64)
            except OSError as error:
                said = b""
                if isinstance(error, TimeoutError):
                    raise TunnelFailedError("Nothing came back through it.", hint=STAND_IN) from None
        if said:
            return Found(f"forwards to port {port} and back")
        complaint = complaint_of(tunnel)
        if "prohibited" in complaint.lower():
            raise ForwardingForbiddenError(f"{self.target.host} forbids TCP forwarding: {complaint.rstrip('.')}.")
        if "connect failed" in complaint.lower() or "refused" in complaint.lower():
            return Found(f"allowed, but nothing listens on port {port} there to try it with", warning=True)
        raise TunnelFailedError(f"{_sentence(complaint) or 'The connection through it was closed'}.", hint=STAND_IN)


def error_found(error: BaseException) -> StartError | RunicornError:
    """Return an error of ours for whatever a step raised."""
    return error if isinstance(error, RunicornError) else StartError(f"The step failed: {error!r}.")


def _told(by: BySsh) -> str:
    return f"connects by ssh: {by.reason}"


def _drop(line: str) -> None:
    """A log for what the lines of the examination tell anyway."""


def _first_bytes(sock: DialedSocket) -> bytes:
    """Return what the other side says up to the end of its version line. Raises TimeoutError if it says nothing."""
    deadline, said = time.monotonic() + VERSION_TIMEOUT_SECS, b""
    while b"\n" not in said[said.find(b"SSH-") :] or b"SSH-" not in said:
        left = deadline - time.monotonic()
        if left <= 0 or len(said) > VERSION_LIMIT_BYTES:
            break
        sock.settimeout(left)
        try:
            data = sock.recv(1024)
        except TimeoutError:
            break
        except OSError:
            return said
        if not data:
            return said
        said += data
    if not said:
        raise TimeoutError
    return said


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return two sockets that are connected to each other; tunnels carry TCP."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        here = socket.create_connection(listener.getsockname(), timeout=CARRY_TIMEOUT_SECS)
        try:
            listener.settimeout(CARRY_TIMEOUT_SECS)
            while True:
                there, peer = listener.accept()
                if peer == here.getsockname():
                    return here, there
                there.close()  # somebody else of this machine was quicker
        except BaseException:
            here.close()
            raise


def _ahead(offset_secs: float) -> str:
    return "ahead of this machine" if offset_secs > 0 else "behind this machine"


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return text[:1].upper() + text[1:]
