"""What a viewer and a server hold: taken before and after, the two must be equal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.support.server import Server
from tests.support.serving import Viewer, tunnel_folders
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Holdings:
    """Both sides. children: command lines. files: those of the viewer's home and of tunnels, with their sizes.

    descriptors: without those of connections to the viewer's own page.
    """

    children: tuple[str, ...]
    ports: frozenset[int]
    descriptors: int
    threads: int
    files: frozenset[tuple[str, int]]
    on_server: frozenset[str]
    ports_on_server: frozenset[int]


def holdings(viewer: Viewer, server: Server, home: Path) -> Holdings:
    process = psutil.Process(viewer.process.pid)
    children = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE:
                children.append(" ".join(child.cmdline()))
    sockets = process.net_connections("tcp")
    # The test's own requests keep connections open, which end some seconds after the last one.
    asked = [each for each in sockets if each.laddr.port == viewer.port and each.status != psutil.CONN_LISTEN]
    return Holdings(
        children=tuple(sorted(children)),
        ports=frozenset(each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN),
        descriptors=process.num_fds() - len(asked),
        threads=process.num_threads(),
        files=frozenset(files(home)),
        on_server=frozenset(server.traces()),
        ports_on_server=frozenset(server.listening_ports()),
    )


def files(home: Path) -> set[tuple[str, int]]:
    found = {(str(path), 0) for path in tunnel_folders()}
    for path in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                found.add((str(path), path.stat().st_size))
    return found


def require_equal(before: Holdings, viewer: Viewer, server: Server, home: Path, timeout_secs: float = 10.0) -> None:
    """Wait until both sides hold what they held before: no more, and no less. Raises AssertionError naming the rest."""
    now = before

    def same() -> bool:
        nonlocal now
        now = holdings(viewer, server, home)
        return now == before

    try:
        eventually(same, timeout_secs, "equal holdings")
    except AssertionError:
        assert now == before, open_now(viewer)
        raise


def open_now(viewer: Viewer) -> str:
    """Return what the viewer has open, for whoever reads the failure: descriptors, and both ends of connections."""
    process = psutil.Process(viewer.process.pid)
    folder = Path(f"/proc/{process.pid}/fd")
    descriptors = []
    for each in sorted(folder.iterdir(), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError):
            descriptors.append(f"{each.name} -> {each.readlink()}")
    sockets = [f"{each.fd}: {each.laddr} {each.raddr} {each.status}" for each in process.net_connections("all")]
    return "\n".join([*descriptors, *sockets, *others_at_its_pipes(process.pid)])


def others_at_its_pipes(pid: int) -> list[str]:
    """Return which other processes hold an end of a pipe of this one, and whether they live."""
    found = []
    own = _pipes(pid)
    for other in psutil.process_iter(["cmdline", "status", "ppid"]):
        if other.pid != pid:
            found += [f"{pipe}: also {other.pid} {other.info}" for pipe in sorted(own & _pipes(other.pid))]
    return found


def _pipes(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(each.readlink()))
    return {name for name in found if name.startswith("pipe:")}
