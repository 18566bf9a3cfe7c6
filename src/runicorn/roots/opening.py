"""rn.open_root(): the runs of a folder, of a host over SSH, or of several of these as one list."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, overload

import platformdirs

from runicorn import locks, settings
from runicorn.errors import RootNotUsableError, RunicornError, UsageError
from runicorn.exchange.client import WAIT_SECS, LineMaker, Root, folder_root, silent_line
from runicorn.progress_line import ProgressLine, Unit
from runicorn.roots.address import HostRoot, parse_url
from runicorn.roots.several import Roots, warn_of
from runicorn.sdk.cells import in_notebook
from runicorn.settings import Settings

if TYPE_CHECKING:
    from runicorn.roots.hosts import HostKeyAnswer
    from runicorn.roots.questions import Ask

OneRoot = str | os.PathLike[str]


@overload
def open_root(  # type: ignore[overload-overlap]  # a text is also an iterable of texts, and is meant as one
    path: OneRoot | None = None,
    *,
    wait_secs: float = ...,
    key: str | None = ...,
    ask: Ask | bool | None = ...,
    progress: bool | None = ...,
) -> Root: ...


@overload
def open_root(
    path: Iterable[OneRoot],
    *,
    wait_secs: float = ...,
    key: str | None = ...,
    ask: Ask | bool | None = ...,
    progress: bool | None = ...,
) -> Roots: ...


def open_root(
    path: OneRoot | Iterable[OneRoot] | None = None,
    *,
    wait_secs: float = WAIT_SECS,
    key: str | None = None,
    ask: Ask | bool | None = None,
    progress: bool | None = None,
) -> Root | Roots:
    """Return the runs below `path`; else below RUNICORN_ROOT or the root in the config file, else ~/runicorn_data.

    `ssh://[USER@]HOST[:PORT]/PATH` is a folder of a host, by your ssh config: `/~/data` in the home folder there,
    `/data` an absolute one. Several paths in a list are one list of runs, with their `host` in tables; those that
    cannot be opened are left out with a warning, and stand in `failed`, unless none can be.

    Reads only. Logs of other tools below it are runs as well; what is there of them is waited for up to `wait_secs`.
    Close it, or use it in a `with`, to end what follows them, and the connection.

    key: a private key file, before the agent's and your own. ask: called with each prompt of a server, such as
    getpass.getpass in a notebook; without it a terminal is asked, where there is one, and with False nobody.
    progress: whether a line on stderr shows how far it is; by itself, on a terminal and in a notebook.

    Raises RootNotUsableError, and for a host the errors under RemoteError, such as HostKeyConfirmationError for one
    whose host key was not accepted yet: only a person does that, in the page or by `runicorn doctor HOST`.
    """
    chosen = settings.resolve(
        flags={},
        environ=os.environ,
        default_home=Path(platformdirs.user_config_dir("runicorn", appauthor=False, roaming=True)),
        user_home=settings.find_user_home(),
        default_cache=Path(platformdirs.user_cache_dir("runicorn", appauthor=False)),
    )
    line = line_maker(shown=progress)
    if path is None or isinstance(path, (str, os.PathLike)):
        text = str(chosen.root) if path is None else os.fspath(path)
        roots, failed = open_each(chosen, [parse_url(text) or text], key, ask, line, wait_secs)
        for error in failed.values():
            raise error
        (root,) = roots.values()
        return root
    texts = list(dict.fromkeys(os.fspath(each) for each in path))
    roots, failed = open_each(chosen, [parse_url(text) or text for text in texts], key, ask, line, wait_secs)
    for text, error in failed.items():
        if not roots:
            raise error
        warn_of(text, error)
    return Roots(roots, failed, line=line)


def open_each(
    chosen: Settings,
    places: list[HostRoot | str],
    key: str | None,
    ask: Ask | bool | None,
    line: LineMaker = silent_line,
    wait_secs: float = WAIT_SECS,
    about_host_key: HostKeyAnswer | None = None,
) -> tuple[dict[str, Root], dict[str, RunicornError]]:
    """Return the roots that could be opened, by the texts that they were given as, in their order; and what was in the
    way of the others. All hosts are connected to at the same time.

    places: folders of this machine by their paths. about_host_key: see hosts.open_hosts. Raises UsageError.
    """
    if not places:
        raise UsageError("No root was named.", hint="Give at least one path, or one ssh://HOST/PATH.")
    roots: dict[str, Root] = {}
    failed: dict[str, RunicornError] = {}
    try:
        for place in places:
            if isinstance(place, str):
                try:
                    roots[place] = _folder(chosen, place, wait_secs)
                except RunicornError as error:
                    failed[place] = error
        hosts = [place for place in places if isinstance(place, HostRoot)]
        if hosts:
            # Loaded with the first host: whoever reads folders needs no SSH.
            with locks.LOADING:
                from runicorn.roots.hosts import open_hosts

            for text, opened in open_hosts(chosen, hosts, key, ask, line, wait_secs, about_host_key).items():
                if isinstance(opened, Root):
                    roots[text] = opened
                else:
                    failed[text] = opened
    except BaseException:
        for root in roots.values():
            root.close()
        raise
    given = [place if isinstance(place, str) else place.text for place in places]
    return {text: roots[text] for text in given if text in roots}, failed


def line_maker(*, shown: bool | None) -> LineMaker:
    """Return what makes lines of progress. shown: None for those on a terminal, and one now and then in a notebook."""
    if shown is None:
        shown = in_notebook() or _is_terminal()
    if not shown:
        return silent_line

    def make(what: str, unit: Unit) -> ProgressLine:
        return ProgressLine(what, unit=unit)

    return make


def _folder(chosen: Settings, text: str, wait_secs: float) -> Root:
    path = settings.folder_of(text, settings.find_user_home())
    if not path.is_dir():
        raise RootNotUsableError(f"There is no folder {path}.")
    return folder_root(path, chosen.cache_folder, wait_secs=wait_secs)


def _is_terminal() -> bool:
    try:
        return bool(sys.stderr.isatty())
    except Exception:  # noqa: BLE001 - streams of others
        return False
