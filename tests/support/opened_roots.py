"""Roots on hosts as rn.open_root() opens them: what lies there, whose key is accepted, and all that a run gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.support.event_files import event, image, png, scalar, write_events
from tests.support.server import Server

import runicorn as rn

# What an account that may use SFTP alone is forced to run.
ONLY_SFTP = {"ForceCommand": "internal-sftp"}


def without_ssh_of_ones_own(folder: Path, environment: Any) -> Path:
    """Make `folder` a person's home without agent, keys and config, for this process, and return it."""
    (folder / "runicorn").mkdir(parents=True)
    for name in ("SSH_AUTH_SOCK", "RUNICORN_ROOT", "RUNICORN_CONNECTOR"):
        environment.delenv(name, raising=False)
    environment.setenv("HOME", str(folder))
    environment.setenv("RUNICORN_HOME", str(folder / "runicorn"))
    return folder


def known(server: Any, home: Path, port: int | None = None) -> None:
    """Have the server's key accepted, by this port."""
    with (home / "runicorn" / "known_hosts").open("a") as file:
        file.write(f"[127.0.0.1]:{port or server.sshd.port} {server.sshd.host_key()}\n")


def url(server: Server, folder: Path | str | None = None, port: int | None = None) -> str:
    return f"ssh://{server.account.username}@127.0.0.1:{port or server.sshd.port}{folder or server.runs}"


def record(server: Server, count: int = 3) -> None:
    """Record runs into the server's root, with everything that a run may have, and a log of TensorBoard beside."""
    for number in range(count):
        with rn.init(
            f"vision/exp{number}", name=f"run{number}", root=server.runs, config={"lr": 0.1 / 3**number}
        ) as run:
            for step in range(50):
                run.log({"loss": 1 / (step + 1 + number), "acc": step}, step=step)
            run.log({"loss": float("nan"), "acc": float("inf")}, step=50)
            run.log({"note": rn.Text("words")})
            run.summary["best"] = number
            print("a line of its own")
    write_events(
        server.runs / "logs" / "exp" / "events.out.tfevents.1.h",
        [*(event(scalar("tb", step), step=step) for step in range(300)), event(image("in", png(2, 2), 2, 2))],
    )
    for path in server.runs.rglob("*"):
        os.utime(path, (1_700_000_100, 1_700_000_100))
    server.account.give(server.runs)


def told(run: Any) -> dict[str, Any]:
    """Return all that a run gives, in a form that can be compared: NaN is equal to NaN."""
    metrics = {name: repr(stats) for name, stats in run.metrics.items()}
    return {
        **{
            name: getattr(run, name) for name in ("id", "name", "project", "state", "config", "summary", "tags", "note")
        },
        **{name: getattr(run, name) for name in ("created_at", "finished_at", "step")},
        "metrics": metrics,
        "points": {name: run.series(name).to_numpy().tobytes() for name in metrics},
        "events": run.events(),
        "console": run.console(),
        "files": run.files(),
        "contents": {path: run.read_file(path) for path in run.files()},
    }
