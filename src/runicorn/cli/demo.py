"""`runicorn demo`: everything with nothing set up, and nothing left behind."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from runicorn.cli.common import resolve_settings
from runicorn.cli.viewer import serve
from runicorn.errors import RunicornError


def demo(
    port: Annotated[int | None, typer.Option(help="The port; 0 picks a free one. (default: 23300)")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Try it: sample runs, one of them training, and an SSH server to connect to, all inside this process."""
    from runicorn.demo.demo import run_demo, supported

    if not supported():
        raise RunicornError(
            "The demo's server needs /bin/sh, which this machine does not have.",
            hint="Run the demo on Linux or macOS, or in WSL.",
        )
    # A kill or a closed terminal must end it the way Ctrl-C does, with everything tidied up.
    signal.signal(signal.SIGTERM, _leave)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, _leave)
    typer.echo("Preparing sample runs and a server ...")
    with run_demo() as running:
        # Its own home holds the cache too: the person's own must not remember the demo's server.
        settings = replace(
            resolve_settings(port=port), root=running.root, home=running.home, cache=None, grace_secs=0.0
        )
        serve(
            settings,
            browser=browser,
            notes=(
                f"Demo server:     {running.host.username}@127.0.0.1:{running.host.port}, saved on the Remote page",
                f"Its host key:    {running.host.fingerprint}",
                "Press Ctrl-C to stop; nothing is left behind.",
            ),
        )


def _leave(number: int, frame: Any) -> None:
    sys.exit(128 + number)
