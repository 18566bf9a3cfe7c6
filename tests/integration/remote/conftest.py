"""A person who has already accepted the server's key and logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.remote import accept, connect
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer


@pytest.fixture
def connected(server: Server, viewer: Viewer) -> Viewer:
    """A viewer that is connected to the server; made after it, so that it ends before it."""
    accept(viewer, connect(viewer, server.login()))
    assert connect(viewer, server.login()).status_code == 200
    return viewer


@pytest.fixture
def connected_with(server: Server, tmp_path: Path) -> Iterator[Callable[..., Viewer]]:
    """Make a connected viewer with these environment variables: connected_with(RUNICORN_TUNNEL="paramiko")."""
    with ExitStack() as stack:

        def make(**environ: str) -> Viewer:
            (tmp_path / "home").mkdir(exist_ok=True)
            viewer = stack.enter_context(run_viewer(tmp_path / "local-root", tmp_path / "home", environ))
            answer = connect(viewer, server.login())
            if answer.status_code == 409:
                accept(viewer, answer)
                answer = connect(viewer, server.login())
            assert answer.status_code == 200, answer.text
            return viewer

        yield make
