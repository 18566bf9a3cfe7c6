"""`runicorn viewer`: serve the page of a storage root."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from runicorn.cli.common import open_browser, remote_support, resolve_settings
from runicorn.errors import RunicornError
from runicorn.settings import Settings, parse_grace
from runicorn.viewer.server import ViewerServer, end_process
from runicorn.viewer.session import ViewerSession

REFUSED_STATUS = 3  # a viewer in a session that told its master why it cannot start


def viewer(
    root: Annotated[
        str | None, typer.Option(help="The folder of your runs. (default: $RUNICORN_ROOT or ~/runicorn_data)")
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on. (default: 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 picks a free one. (default: 23300)")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME[:PORT]", help="Answer to this name, too. May be repeated.")
    ] = None,
    allow_other_users: Annotated[
        bool, typer.Option("--allow-other-users", help="Serve other users of this machine, too.")
    ] = False,
    token: Annotated[str | None, typer.Option(help="Demand this token; made and printed when not on loopback.")] = None,
    session: Annotated[str | None, typer.Option(hidden=True)] = None,
    session_marker: Annotated[str, typer.Option(hidden=True)] = "",
    session_grace: Annotated[str, typer.Option(hidden=True)] = "600",
) -> None:
    """Show the runs of a storage root in the browser, live."""
    settings = resolve_settings(
        root=root,
        host=host,
        port=port,
        allowed_hosts=tuple(allow_host) if allow_host else None,
        allow_other_users=allow_other_users or None,
        token=token,
    )
    if session is not None:
        _serve_session(settings, ViewerSession(session, session_marker, parse_grace(session_grace)))
    else:
        serve(settings, browser=browser)
    end_process()


def serve(settings: Settings, *, browser: bool, notes: tuple[str, ...] = ()) -> None:
    """Serve until stopped; print one line with the address once requests are answered, and the notes after it."""
    server = ViewerServer(settings, remote=remote_support)

    def ready(running: ViewerServer) -> None:
        for line in (f"Runicorn viewer: {running.url}", *notes):
            typer.echo(line)
        sys.stdout.flush()
        if browser:
            open_browser(running.url)

    server.run(ready)


def _serve_session(settings: Settings, session: ViewerSession) -> None:
    """Serve on a server, for a master at the other end of standard input and output."""
    try:
        server = ViewerServer(replace(settings, host="127.0.0.1"), session=session)
    except RunicornError as error:
        session.announce_error(error)
        raise typer.Exit(REFUSED_STATUS) from None
    server.run(lambda running: session.announce(running.port, running.stop))
