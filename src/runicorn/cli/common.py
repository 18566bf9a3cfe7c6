"""What several subcommands share: settings from their sources, remote support, and the browser."""

from __future__ import annotations

import contextlib
import os
import threading
import webbrowser
from pathlib import Path
from typing import Any

import platformdirs

from runicorn import settings
from runicorn.settings import Settings
from runicorn.viewer.hooks import RemoteHook


def resolve_settings(**flags: Any) -> Settings:
    """Return the settings from config file, environment and these flags. Raises UsageError."""
    return settings.resolve(
        flags=flags,
        environ=os.environ,
        default_home=Path(platformdirs.user_config_dir("runicorn", appauthor=False, roaming=True)),
        user_home=Path.home(),
        default_cache=Path(platformdirs.user_cache_dir("runicorn", appauthor=False)),
    )


def remote_support(chosen: Settings) -> RemoteHook | None:
    """Return remote support, or None where the packages that it needs cannot be imported."""
    try:
        from runicorn.remote.service import RemoteService
        from runicorn.viewer.routes.remote import RemoteApi
    except ImportError:
        return None
    return RemoteApi(RemoteService(chosen, Path.home(), f"http://localhost:{chosen.port}/#/remote"))


def open_browser(url: str) -> None:
    """Show the page, without waiting for the browser and without its complaints."""

    def show() -> None:
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(url)

    threading.Thread(target=show, name="open-browser", daemon=True).start()
