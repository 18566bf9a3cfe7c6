"""A session: what was asked for, what became of it, and what it holds. A value that only Sessions changes."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runicorn.errors import RunicornError
from runicorn.remote.link.holder import Holder
from runicorn.remote.server.launch import Started
from runicorn.remote.server.machine.jobs import Place
from runicorn.remote.server.probe import Environment
from runicorn.remote.session import lifecycle
from runicorn.remote.session.health import Line
from runicorn.remote.session.lifecycle import State
from runicorn.remote.ssh.interface import Fallback, RemoteProcess, Tunnel
from runicorn.remote.ssh.tunnels.door import Door
from runicorn.remote.telling.log import LINES_KEPT
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.target import Credentials, Target

if TYPE_CHECKING:
    from runicorn.remote.server.reading import Reader
    from runicorn.remote.session.host_page import HostPage, HostPlace, ReaderLine


class Mode(enum.Enum):
    """How a host is read. AUTO: by an agent, else by a viewer that is installed there, else by SFTP alone."""

    AUTO = "auto"
    VIEWER = "viewer"
    AGENT = "agent"
    SFTP = "sftp"


@dataclass(frozen=True)
class StartRequest:
    """What a person asked for. environment, local_port, remote_port: None leaves the choice to us.

    interactive: whether a person answers what the server asks while logging in.
    mode: how the host is to be read. inside: the node of a job, behind the target, on which the root lies; an agent
    reads it there.
    """

    target: Target
    credentials: Credentials
    root: str
    environment: str | None = None
    local_port: int | None = None
    remote_port: int | None = None
    interactive: bool = False
    mode: Mode = Mode.AUTO
    inside: Place | None = None

    @property
    def machine(self) -> str:
        """What the machine is called on which the root lies."""
        return self.target.host if self.inside is None else self.inside.node

    @property
    def reached_by(self) -> str:
        """How that is reached: as user@name:port, and for a node behind that, >node."""
        way = self.target.connection_id
        return way if self.inside is None else f"{way}>{self.inside.node}"


@dataclass(eq=False)
class Session:
    """A remote viewer together with its tunnel, or a page of this side with what reads for it over there. Read it
    freely; only Sessions changes it. Made in the event loop.

    progress: its stages, and its log from its first moment until it is gone.
    connector, connector_reason: what carries its connection, and why; see interface.Connection.
    found_again: it was left by a viewer of this machine that died, and is taken back.
    lacks_secret: its login needs one that is written nowhere, so that only a new connect brings it back.
    typed: its login took what a person typed when the server asked, which is not among what was given.
    needs_person: it waits for somebody to connect, or to ask for its login to be repeated.
    nudged: set when it is worth looking at the link at once: the machine woke, a person looks, somebody connected.
    answered: whether whoever wanted the login repeated answers what the server asks.
    launched: the server was asked to start its viewer, which may run there before that is known here.
    waiters: how many wait for its start; those who came along included.
    mode: how the host is read; AUTO until that is known. passed_over: which other ways there were, and why not.
    place: its root among those shown here, where a viewer over there serves its page; besides: what has that read.
    """

    session_id: str
    request: StartRequest
    started_at: float  # unix seconds
    state: State = State.STARTING
    progress: Progress = field(default_factory=lambda: Progress(lines_kept=LINES_KEPT), repr=False)
    environment: Environment | None = None
    door: Door | None = None
    remote: Started | None = None
    connector: str | None = None
    connector_reason: str | None = None
    tunnel: Tunnel | None = None
    fallbacks: list[Fallback] = field(default_factory=list)
    mode: Mode = Mode.AUTO
    passed_over: list[Fallback] = field(default_factory=list)
    page: HostPage | None = field(default=None, repr=False)
    reader: Reader | None = field(default=None, repr=False)
    place: HostPlace | None = field(default=None, repr=False)
    error: RunicornError | None = None
    reconnects: int = 0
    rtt_ms: float | None = None
    link_lost_at: float | None = None
    found_again: bool = False
    lacks_secret: bool = False
    typed: bool = False
    needs_person: bool = False
    answered: bool = False
    launched: bool = False
    waiters: int = 0
    line: Line | ReaderLine | None = field(default=None, repr=False)
    process: RemoteProcess | None = field(default=None, repr=False)
    holder: Holder = field(default_factory=Holder, repr=False)
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    nudged: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    besides: asyncio.Task[None] | None = field(default=None, repr=False)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop, repr=False)

    @property
    def is_served_here(self) -> bool:
        """Whether its page is served on this side, and only files are read over there."""
        return self.mode in (Mode.AGENT, Mode.SFTP)

    @property
    def live(self) -> bool:
        return self.state in lifecycle.LIVE

    def nudge(self) -> None:
        """Have the link looked at now. From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nothing to look at any more
            self.loop.call_soon_threadsafe(self.nudged.set)

    def try_login(self, *, interactive: bool = False) -> None:
        """Have a login that was rejected tried once more, because a person wants it. In the event loop.

        interactive: that person answers what the server asks.
        """
        self.answered = interactive or self.request.interactive
        self.needs_person = self.lacks_secret
        self.nudged.set()

    def forget_secrets(self) -> None:
        """Let go of what was given to log in with: nothing of this session logs in any more."""
        given = self.request.credentials
        self.request = replace(
            self.request,
            credentials=Credentials(
                private_key_path=given.private_key_path, use_agent=given.use_agent, jumps=given.jumps
            ),
        )

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None

    def serves(self, request: StartRequest) -> bool:
        """Whether this session is what is asked for, so that a second start opens nothing twice."""
        mine = self.request
        return (
            self.state in (State.STARTING, State.RUNNING, State.RECONNECTING)
            and (mine.target, mine.inside, mine.root) == (request.target, request.inside, request.root)
            and mine.environment == request.environment
            and request.mode in (Mode.AUTO, self.mode, mine.mode)
            and request.local_port in (None, self.door.local_port if self.door else mine.local_port)
            and request.remote_port in (None, self.remote.port if self.remote else mine.remote_port)
        )
