"""What several subcommands share: settings from their sources, remote support, and the browser."""

from __future__ import annotations

import contextlib
import os
import threading
import webbrowser
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from runicorn import settings
from runicorn.settings import Settings
from runicorn.viewer.hooks import RemoteHook

if TYPE_CHECKING:
    from runicorn.remote.session.host_page import HostPage, HostPages, HostPlace, HostPlaces
    from runicorn.viewer.guests import Guests


def resolve_settings(**flags: Any) -> Settings:
    """Return the settings from config file, environment and these flags. Raises UsageError."""
    return settings.resolve(
        flags=flags,
        environ=os.environ,
        default_home=_folder(lambda: platformdirs.user_config_dir("runicorn", appauthor=False, roaming=True)),
        user_home=settings.find_user_home(),
        default_cache=_folder(lambda: platformdirs.user_cache_dir("runicorn", appauthor=False)),
    )


def _folder(ask: Callable[[], str]) -> Path:
    """Return a folder of the platform; for a user without a home, one below `~`, which the settings take for none."""
    try:
        return Path(ask())
    except RuntimeError:
        return Path("~/.runicorn")


def remote_support(chosen: Settings) -> RemoteHook | None:
    """Return remote support, or None where the packages that it needs are missing; they are loaded when it is used."""
    if any(find_spec(name) is None for name in ("paramiko", "cryptography")):
        return None
    try:
        from runicorn.remote.service import RemoteService
        from runicorn.viewer.host_root import remembering
        from runicorn.viewer.routes.remote import RemoteApi
    except ImportError:
        return None
    manage_url = f"http://localhost:{chosen.port}/#/remote"
    guests = remembering(chosen)
    pages, places = host_pages(chosen, guests), host_places(chosen, guests)
    service = RemoteService(chosen, home_of(chosen), manage_url, pages=pages, places=places)
    return RemoteApi(service, guests)


def host_pages(chosen: Settings, guests: Guests | None = None) -> HostPages:
    """Return what serves the pages of hosts on which no viewer runs; it is loaded with the first of them, in 0.3 s.

    guests: where the roots of these hosts are shown as well.
    """

    async def make(session_id: str, host: str, root: str, local_port: int, started_at: float) -> HostPage:
        import asyncio

        hosted = await asyncio.to_thread(import_module, "runicorn.viewer.hosted")
        called = await asyncio.to_thread(_saved_name, chosen, host)
        page: HostPage = await hosted.serve(chosen, session_id, host, root, local_port, started_at, guests, called)
        return page

    return make


def host_places(chosen: Settings, guests: Guests) -> HostPlaces:
    """Return what shows the roots of hosts that have a viewer of their own; it is loaded with the first of them."""

    async def show(session_id: str, host: str, root: str) -> HostPlace:
        import asyncio

        host_root = await asyncio.to_thread(import_module, "runicorn.viewer.host_root")
        called = await asyncio.to_thread(_saved_name, chosen, host)
        place: HostPlace = await host_root.show(chosen, guests, session_id, host, root, called)
        return place

    return show


def _saved_name(chosen: Settings, connection_id: str) -> str:
    """Return what a person has called a host; nothing where that is not known."""
    from runicorn.errors import RunicornError
    from runicorn.remote.saved import SavedConnections
    from runicorn.remote.trust.target import Target

    with contextlib.suppress(RunicornError):
        for one in SavedConnections(chosen.home / "connections.json").load():
            with contextlib.suppress(RunicornError, KeyError, TypeError, ValueError):
                target = Target.make(one["host"], int(one.get("port") or 22), one["username"])
                if target.connection_id == connection_id:
                    return str(one.get("name") or "")
    return ""


def home_of(chosen: Settings) -> Path:
    """Return this user's home folder; where there is none, the one of the settings, which has no .ssh."""
    return settings.find_user_home() or chosen.home


def open_browser(url: str) -> None:
    """Show the page, without waiting for the browser and without its complaints."""

    def show() -> None:
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(url)

    threading.Thread(target=show, name="open-browser", daemon=True).start()
