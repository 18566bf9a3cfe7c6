"""How fast a session notices each fault, and how fast it is back; beside `ssh HOST true`, the least a return costs.

    python benchmarks/survive.py [--times 10] [--backends openssh,asyncssh,paramiko]

Needs root (it makes a Unix user) and openssh-server. Noticed: the session's status is no longer `running`. Back: its
page answers again at the same address, counted from the moment the cause is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside_ssh import login_by_ssh  # noqa: E402
from tests.support.link import Link, run_link  # noqa: E402
from tests.support.remote import accept, connect, start, stop  # noqa: E402
from tests.support.server import Server, build_wheel, make_server_account, run_server  # noqa: E402
from tests.support.serving import Viewer, run_viewer  # noqa: E402

NEVER_SECS = 90.0


@dataclass
class Scene:
    """A running session over a link, and the ways to disturb it. session: as the API tells it now."""

    server: Server
    viewer: Viewer
    link: Link
    session: dict[str, Any]

    def now(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.viewer.get(f"/api/remote/viewer/status/{self.session['sessionId']}").json()
        return answer

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.session["localPort"], timeout=2)
        try:
            connection.request("GET", "/api/health", headers={"Host": f"localhost:{self.session['localPort']}"})
            return bool(json.loads(connection.getresponse().read()).get("session_id") == self.session["sessionId"])
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def kill_remote_viewer(scene: Scene) -> None:
    os.kill(scene.now()["remotePid"], signal.SIGKILL)


def nothing(scene: Scene) -> None: ...


# What happens, and what ends it once it has been noticed.
FAULTS: dict[str, tuple[Callable[[Scene], None], Callable[[Scene], None]]] = {
    "kill -9 remote viewer": (kill_remote_viewer, nothing),
    "kill -9 sshd children": (lambda scene: scene.server.kill_sshd_children(), nothing),
    "restart sshd": (lambda scene: scene.server.sshd.restart(), nothing),
    "reset": (lambda scene: scene.link.cut(), nothing),
    "half-close": (lambda scene: scene.link.half_close(), nothing),
    "link down, then up": (lambda scene: scene.link.down(), lambda scene: scene.link.accept()),
    "stall, then flow": (lambda scene: scene.link.stall(), lambda scene: scene.link.resume()),
    "remote viewer stopped, then continued": (
        lambda scene: os.kill(scene.now()["remotePid"], signal.SIGSTOP),
        lambda scene: os.kill(scene.now()["remotePid"], signal.SIGCONT),
    ),
}


def wait_for(check: Callable[[], bool]) -> float:
    """Return the seconds until check() holds. Raises TimeoutError."""
    began_at = time.perf_counter()
    while not check():
        if time.perf_counter() - began_at > NEVER_SECS:
            raise TimeoutError
        time.sleep(0.01)
    return time.perf_counter() - began_at


def measure(scene: Scene, fault: str) -> tuple[float, float]:
    """Return the seconds until it is noticed, and from the end of the cause until the page answers."""
    happens, ends = FAULTS[fault]
    before = scene.now()["reconnects"]
    noticed: list[float] = []
    watch = threading.Thread(
        target=lambda: noticed.append(
            wait_for(lambda: scene.now()["status"] != "running" or scene.now()["reconnects"] > before)
        )
    )
    watch.start()
    happens(scene)
    done_at = time.perf_counter()
    if ends is not nothing:
        watch.join()
        ends(scene)
        done_at = time.perf_counter()
    wait_for(lambda: scene.now()["reconnects"] > before and scene.answers())
    back = time.perf_counter() - done_at
    watch.join()
    time.sleep(0.5)
    return noticed[0], back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--backends", default="openssh,asyncssh,paramiko")
    parser.add_argument("--faults", default="", help="those whose name holds this")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("This benchmark makes a Unix user and needs root.")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        account = stack.enter_context(make_server_account(build_wheel(folder)))
        server = stack.enter_context(run_server(account, folder))
        print(f"{'seconds, of ' + str(options.times):<52}{'noticed':>16}{'back':>22}{'back':>9}")
        print(f"{'':<52}{'median':>8}{'worst':>8}{'median':>14}{'worst':>8}{'/ ssh':>9}")
        for backend in options.backends.split(","):
            link = stack.enter_context(run_link(server.sshd.port))
            home = folder / backend
            home.mkdir()
            environ = {"RUNICORN_TUNNEL": backend, "RUNICORN_SESSION_GRACE_SECS": "300"}
            with run_viewer(home / "root", home, environ) as viewer:
                body = {**server.login(), "port": link.port, "remote_root": str(server.runs)}
                accept(viewer, connect(viewer, body))
                scene = Scene(server, viewer, link, start(viewer, body))
                for fault in (each for each in FAULTS if options.faults in each):
                    report(f"{backend}: {fault}", [measure(scene, fault) for _ in range(options.times)], server, link)
                stop(viewer, scene.session)


def report(what: str, measured: list[tuple[float, float]], server: Server, link: Link) -> None:
    noticed, back = zip(*measured, strict=True)
    reference = statistics.median(login_by_ssh(server, link) for _ in range(3))
    ratio = statistics.median(back) / reference
    print(
        f"{what:<52}{statistics.median(noticed):>8.2f}{max(noticed):>8.2f}"
        f"{statistics.median(back):>14.2f}{max(back):>8.2f}{ratio:>9.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
