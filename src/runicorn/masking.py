"""Finds what should be nobody's: values by their name, and parts of texts by how they look. Pure.

It goes to disk as `***`; what a script holds in its config stays what it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from runicorn.secret_names import (
    MAYBE_KINDS,
    SURE_KINDS,
    Secrecy,
    is_password_name,
    is_secret,
    is_secret_name,
    may_name_secrets,
    secrecy_of,
)

HIDDEN = "***"
_OPTION = re.compile(r"(?s)(?P<dashes>-{0,2})(?P<name>[\w.+-]+)(?P<value>=.*)?")
_IN_BRACKETS = re.compile(r"<.*>|\[.*\]")
_FIRST_LOOK = re.compile(
    r"(?i)bearer|://|hf_|gh[pousr]_|github_pat_|glpat-|sk-|akia|asia|aiza|xox|eyj|dapi|npm_|pypi-|private key"
)


def without_secret_text(text: str) -> str:
    """Return a text without passwords in URLs, values that are called secrets, and what looks like a key."""
    if not may_name_secrets(text) and not _FIRST_LOOK.search(text):
        return text
    for pattern, shown in _looks():
        text = pattern.sub(shown, text)
    for pattern in _named_values():
        text = pattern.sub(_hide_named, text)
    return text


def without_secret_values(value: Any, name: str = "") -> Any:
    """Return plain JSON without its secrets: texts that go by a secret's name, and numbers that go by a password's."""
    return _masked_item(name, value, hide=False, numbers=False)


def without_secret_arguments(arguments: Iterable[str]) -> list[str]:
    """Return a command line without the values of options that are called secrets, and without secrets in the others.

    Known are `--token X`, `--token=X`, `token=X` and `--api-keys X Y`.
    """
    shown, hide_as, plural = [], "", False
    for argument in arguments:
        option = _OPTION.fullmatch(argument)
        is_named = option is not None and is_secret_name(option["name"])
        if option is not None and is_named and option["value"] and is_secret(option["name"], option["value"][1:]):
            shown.append(f"{option['dashes']}{option['name']}={HIDDEN}")
        elif hide_as and not argument.startswith("-"):
            shown.append(HIDDEN if is_secret(hide_as, argument) else argument)
            hide_as = hide_as if plural else ""
            continue
        else:
            shown.append(without_secret_text(argument))
        hide_as = option["name"] if option is not None and is_named and option["dashes"] and not option["value"] else ""
        plural = hide_as.endswith("s")
    return shown


def _masked(value: Any, *, hide: bool, numbers: bool) -> Any:
    if isinstance(value, str):
        if hide:
            return HIDDEN if value and not _IN_BRACKETS.fullmatch(value) else value
        return without_secret_text(value)
    if isinstance(value, dict):
        return {key: _masked_item(key, item, hide=hide, numbers=numbers) for key, item in value.items()}
    if isinstance(value, list):
        if not hide and value and all(isinstance(item, str) for item in value):
            return without_secret_arguments(value)
        return [_masked(item, hide=hide, numbers=numbers) for item in value]
    return HIDDEN if numbers and isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _masked_item(key: str, item: Any, *, hide: bool, numbers: bool) -> Any:
    """Return a value without its secrets by the key that it goes by, and by those around it."""
    secrecy = secrecy_of(key)
    if not hide and secrecy is Secrecy.MAYBE:
        if isinstance(item, str) and is_secret(key, item):
            return HIDDEN
        if isinstance(item, list) and item and all(isinstance(each, str) for each in item):
            return [HIDDEN if is_secret(key, each) else each for each in item]
    numbers = numbers or is_password_name(key)
    return _masked(item, hide=hide or secrecy is Secrecy.SURE, numbers=numbers)


def _hide_named(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    known = value in ("None", "True", "False", "null", "true", "false", HIDDEN) or _IN_BRACKETS.fullmatch(value)
    if known or not is_secret(name, value) or (value.isdecimal() and secrecy_of(name) is Secrecy.SURE):
        return found[0]
    return found[0][: -len(value)] + HIDDEN


@functools.cache  # compiled by the first text that may hold a secret: a script waits for all of init()
def _named_values() -> tuple[re.Pattern[str], ...]:
    named = r"(?i)(?<![\w.-])(?P<name>[\w.-]{0,40}?"
    value = r"(?P<value>[^\s'\",;)}\]&]+)"
    # A name with its value within a text: as code, a dictionary, an option of a command line; with a colon only where
    # no prose is meant, as in "the next token: foo", and with blanks around an equals sign only where the name is sure.
    return (
        re.compile(rf"{named}{SURE_KINDS})(?P<between>(?:['\"]?\s*=\s*|['\"]\s*:\s*)['\"]?){value}"),
        re.compile(rf"{named}{MAYBE_KINDS})(?P<between>(?:=|['\"]\s*:\s*)['\"]?){value}"),
        re.compile(rf"{named}(?:password|passwd|passphrase|(?:api|wandb)[._-]?key))(?P<between>:\s*){value}"),
        re.compile(rf"(?i)(?<![\w.-])--?(?P<name>[\w.-]{{0,40}}?(?:{SURE_KINDS}|{MAYBE_KINDS}))(?P<between>\s+)"
                   r"(?P<value>[^\s-]\S*)"),
    )  # fmt: skip


# Addresses that begin with the name of a user, whom everybody may know.
_OF_USERS = (
    r"(?i)(?:.*\+)?(?:amqps?|cifs|file|ftp|git|hdfs|imaps?|jdbc|ldaps?|mariadb|mongodb|mssql|mysql|nfs|oracle|postgres|"
    r"postgresql|rsync|scp|sftp|smb|smtps?|ssh|svn)(?:\+.*)?"
)
_OF_THE_WEB = r"(?i)(?:.*\+)?(?:ftps|https?|wss?)(?:\+.*)?"
_TOKEN_LENGTH = 20  # as long as no user's name is


def _hide_user(found: re.Match[str]) -> str:
    """Return the beginning of an address without its password, or without what stands there as a token."""
    scheme, user, password = found["scheme"], found["user"], found["password"]
    if password is None:
        return f"{scheme}://{HIDDEN if _is_token(scheme, user) else user}@"
    # https://TOKEN:x-oauth-basic@github.com, https://TOKEN:@api.stripe.com
    whole = user and (len(user) >= _TOKEN_LENGTH or password in (":", ":x-oauth-basic"))
    return f"{scheme}://{HIDDEN}@" if whole else f"{scheme}://{user}:{HIDDEN}@"


def _is_token(scheme: str, user: str) -> bool:
    """Tell whether what stands alone before the @ of an address is no user's name."""
    if not user or len(user) >= _TOKEN_LENGTH or re.fullmatch(_OF_THE_WEB, scheme):
        return bool(user)
    if re.fullmatch(_OF_USERS, scheme):
        return False
    return len(user) >= 16 or (len(user) >= 8 and any(each.isdigit() for each in user))


@functools.cache
def _looks() -> tuple[tuple[re.Pattern[str], Any], ...]:
    return (
        (re.compile(r"(?i)(?<![a-z0-9+.-])(?P<scheme>[a-z0-9][a-z0-9+.-]{0,30})://(?P<user>[^\s/:@?#'\"]*)"
                    r"(?P<password>:(?:[^\s/'\"]*(?=@)|(?!\d{1,5}[/?#])[^\s'\"@]*))?@"), _hide_user),
        (re.compile(r"(?i)([?&#](?:[\w.-]{0,40}(?:token|key|secret|passw(?:or)?d|signature|sig|credential|jwt)|"
                    r"(?:[\w.-]{0,40}[._-])?(?:pat|auth|pass|pwd?))=)[^\s&'\"#]+"), rf"\1{HIDDEN}"),
        (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
        (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|digest|token)\s+)[^\s'\"]+"), rf"\1{HIDDEN}"),
        (re.compile(r"(?i)(//hooks\.slack\.com/(?:services|workflows)/|//discord(?:app)?\.com/api/webhooks/)[\w/-]+"),
         rf"\1{HIDDEN}"),
        (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.S),
         HIDDEN),
        # As Hugging Face, GitHub, GitLab, OpenAI, Anthropic, AWS, Google, Slack, Databricks, npm and PyPI hand them
        # out; signed JSON tokens.
        (re.compile(r"\b(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|"
                    r"sk-(?:proj-|ant-)?\w{20,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{35}|xox[abeprs]-[\w-]{10,}|"
                    r"dapi[0-9a-f]{32}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|"
                    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"), HIDDEN),
    )  # fmt: skip
