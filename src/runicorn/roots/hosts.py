"""Roots on hosts: connected to at the same time, and read as folders of this machine are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from runicorn.errors import (
    AuthFailedError,
    HostKeyConfirmationError,
    InteractionRequiredError,
    NoCredentialsError,
    RunicornError,
)
from runicorn.exchange.client import LineMaker, Root
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.roots.address import HostRoot
from runicorn.roots.link import HOST, HOSTS, HostLink
from runicorn.roots.questions import Ask, Desk, Person, person_for
from runicorn.settings import Settings, find_user_home
from runicorn.sources.host import host_list, host_overlay

# Has a person compare a host key, and keeps it once accepted. Raises the error where it is not.
HostKeyAnswer = Callable[[HostKeyConfirmationError, HostKeyFile], None]


def open_hosts(
    settings: Settings,
    places: Sequence[HostRoot],
    key: str | None,
    ask: Ask | bool | None,
    line: LineMaker,
    wait_secs: float,
    about_host_key: HostKeyAnswer | None = None,
) -> dict[str, Root | RunicornError]:
    """Return each root, or what was in its way, by the texts of the places.

    about_host_key: asked where a host's key is not known, in this thread; without it, that is an error.
    """
    person = person_for(ask)
    found: dict[str, Root | RunicornError] = {}
    links: dict[str, tuple[HostRoot, HostLink]] = {}
    for place in places:
        try:
            links[place.text] = place, _link(settings, place, key, person, line)
        except RunicornError as error:
            found[place.text] = error
    try:
        connecting = dict(links)
        while connecting:
            failed = _connect({text: link for text, (_, link) in connecting.items()}, person, line)
            again = {}
            for text, why in failed.items():
                place, link = connecting[text]
                refused = _asked_about_host_key(why, link, about_host_key)
                if refused is None:
                    again[text] = place, link
                else:
                    found[text] = _with_next_step(refused, place, person)
            connecting = again
        found.update(_roots(settings, {text: each for text, each in links.items() if text not in found},
                            line, wait_secs))  # fmt: skip
    except BaseException:
        for _, link in links.values():
            link.end_soon()
        raise
    return found


def _link(settings: Settings, place: HostRoot, key: str | None, person: Person | None, line: LineMaker) -> HostLink:
    return HostLink(settings, find_user_home() or settings.home, place.server, place.path, key, person, line)


def _connect(links: dict[str, HostLink], person: Person | None, make_line: LineMaker) -> dict[str, RunicornError]:
    """Connect to all of them at once, and answer meanwhile what they ask. Return what went wrong."""
    desk = Desk(person)
    attempts = {text: link.attempt(desk) for text, link in links.items()}
    try:
        what = next(iter(links.values())).meant.target.host if len(links) == 1 else "hosts"
        with make_line(f"connecting to {what}", HOST if len(links) == 1 else HOSTS) as line:
            line.total = len(links)
            works = [attempt.work for attempt in attempts.values()]
            desk.wait(works, tick=lambda: line.update(sum(work.done() for work in works)), hush=line.clear)
    except BaseException:
        for attempt in attempts.values():
            attempt.give_up()
        raise
    failed: dict[str, RunicornError] = {}
    for text, attempt in attempts.items():
        try:
            links[text].take(attempt)
        except RunicornError as error:
            failed[text] = error
    return failed


def _asked_about_host_key(
    error: RunicornError, link: HostLink, about_host_key: HostKeyAnswer | None
) -> RunicornError | None:
    """Return what is in the way still; None where a person has just accepted the host's key."""
    if about_host_key is None or not isinstance(error, HostKeyConfirmationError):
        return error
    try:
        about_host_key(error, link.host_keys)
    except RunicornError as refused:
        return refused
    link.may_try_again()
    return None


def _roots(
    settings: Settings, links: dict[str, tuple[HostRoot, HostLink]], line: LineMaker, wait_secs: float
) -> dict[str, Root]:
    overlays = {}
    for text, (_, link) in links.items():
        host = link.meant.target.connection_id
        overlays[text] = host_overlay(link.files, host, link.root, settings.cache_folder)
        overlays[text].mirror.start()  # all of them look at the same time
    return {
        text: Root(
            PurePosixPath(link.root),
            overlays[text],
            way=link,
            host=place.host,
            now=link.files.now,
            cache=host_list(link.meant.target.connection_id, link.root, settings.cache_folder),
            line=line,
            wait_secs=wait_secs,
        )
        for text, (place, link) in links.items()
    }


def _with_next_step(error: RunicornError, place: HostRoot, person: Person | None) -> RunicornError:
    """Return the error with what to type, where that is what helps."""
    kept = error.kept()
    if isinstance(kept, HostKeyConfirmationError):
        payload = kept.payload
        kept.detail = (
            f"The host key of {payload['host']} port {payload['port']} "
            f"{'HAS CHANGED' if payload['reason'] == 'changed' else 'is not known yet'}: "
            f"{payload['fingerprint_sha256']} ({payload['key_type']})."
        )
        kept.args = (kept.detail,)
        kept.hint = (
            f"Compare it with the server's own and accept it once, in the page or by `runicorn doctor {place.server}` "
            "in a terminal; no code accepts one."
        )
    elif person is None and _is_about_a_person(kept):
        kept.hint = (
            f"{kept.hint.rstrip('.')}. A server that asks for a password or a code is answered on a terminal, or by "
            "rn.open_root(..., ask=getpass.getpass) in a notebook."
        )
    return kept


def _is_about_a_person(error: RunicornError) -> bool:
    if isinstance(error, AuthFailedError):
        return bool({"password", "keyboard-interactive"} & {*error.allowed})
    return isinstance(error, (InteractionRequiredError, NoCredentialsError))
