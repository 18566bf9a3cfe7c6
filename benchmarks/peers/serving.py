"""Viewers in processes of their own, and what writes the samples that they show."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from peers.client import Client
from peers.viewers import Viewer

SAMPLES = Path(__file__).parent / "samples.py"
START_TIMEOUT_SECS, SAMPLE_TIMEOUT_SECS = 120.0, 1800.0


def sample(name: str, python: Path, kind: str, folder: Path, count: int) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [python, SAMPLES, name, kind, folder, str(count)],
        stdout=subprocess.PIPE if kind == "live" else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@contextlib.contextmanager
def served(viewer: Viewer, python: Path, folder: Path) -> Iterator[tuple[Client, float, psutil.Process]]:
    """Run a viewer on a folder; give a client, the seconds until its page answered, and its process."""
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        viewer.command(python, folder, port),
        env={**os.environ, **viewer.environ(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = Client(port)
    try:
        wait_for_page(port, process)
        yield client, time.perf_counter() - started, psutil.Process(process.pid)
    finally:
        client.close()
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        for left in [*children, *([process] if process.poll() is None else [])]:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        process.wait(timeout=20)


@contextlib.contextmanager
def loaded(viewer: Viewer, python: Path, folder: Path) -> Iterator[tuple[Client, psutil.Process]]:
    """The same once it has loaded all it has, where a viewer shows its page before that."""
    with served(viewer, python, folder) as (client, _, process):
        if viewer.answers_last is not None:
            client.get(viewer.answers_last)
        yield client, process


def wait_for_page(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_TIMEOUT_SECS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            if answer.status == 200:
                return
        if process.poll() is not None:
            raise SystemExit(f"the viewer ended with {process.returncode}: {process.args!r}")
        time.sleep(0.01)
    raise SystemExit(f"no page on port {port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def memory_mb(process: psutil.Process) -> float:
    """Return what a process and its children take that nobody else shares; all of it where the system cannot tell."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            full = one.memory_full_info()
            total += getattr(full, "uss", full.rss)
    return total / 2**20
