"""Finds what should be nobody's: values by their name, and parts of texts by how they look. Pure.

It goes to disk as `***`; what a script holds in its config stays what it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "***"
_OPTION = re.compile(r"(?s)(?P<dashes>-{0,2})(?P<name>[\w.+-]+)(?P<value>=.*)?")
_KINDS = (
    r"(?:passwords?|passwd|passphrase|secrets?|token|credentials?|authorization|"
    r"(?:api|access|secret|private)[._-]?keys?)"
)
_SECRET_NAME = re.compile(rf"(?i)(?:.*[._/ -])?{_KINDS}")
_PASSWORD_NAME = re.compile(r"(?i)(?:.*[._/ -])?(?:passwords?|passwd|passphrase)")
# Tokens of a vocabulary, which no script keeps secret.
_NO_SECRET = re.compile(
    r"(?i)(?:.*[._/ -])?(?:pad|bos|eos|eot|unk|mask|sep|cls|image|audio|video|special|start|begin|end|stop|first|last|"
    r"next|max|min|new|per|boi|eoi|instance|class|placeholder|trigger|prompt|separator|delimiter)[._-]token"
)
_IN_BRACKETS = re.compile(r"<.*>|\[.*\]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_MAYBE = re.compile(r"(?i)pass|secret|token|key|credential|authorization|bearer|://|hf_|gh[pousr]_|github_pat_|glpat-|"
                    r"sk-|akia|aiza|xox|eyj")  # fmt: skip


def is_secret_name(name: str) -> bool:
    """Tell whether what goes by this name is a secret: hf_token, wandb.api_key, DB_PASSWORD; not pad_token."""
    if not _MAYBE.search(name):
        return False
    plain = _CAMEL.sub("_", name)
    return bool(_SECRET_NAME.fullmatch(plain)) and not _NO_SECRET.fullmatch(plain)


def without_secret_text(text: str) -> str:
    """Return a text without passwords in URLs, values that are called secrets, and what looks like a key."""
    if not _MAYBE.search(text):
        return text
    for pattern, shown in _looks():
        text = pattern.sub(shown, text)
    for pattern in _named_values():
        text = pattern.sub(_hide_named, text)
    return text


def without_secret_values(value: Any, name: str = "") -> Any:
    """Return plain JSON without its secrets: texts that go by a secret's name, and numbers that go by a password's."""
    return _masked(value, hide=is_secret_name(name), numbers=bool(_PASSWORD_NAME.fullmatch(name)))


def without_secret_arguments(arguments: Iterable[str]) -> list[str]:
    """Return a command line without the values of options that are called secrets, and without secrets in the others.

    Known are `--token X`, `--token=X` and `token=X`.
    """
    shown, hide_next = [], False
    for argument in arguments:
        option = _OPTION.fullmatch(argument)
        secret = option is not None and is_secret_name(option["name"])
        if option is not None and secret and option["value"]:
            shown.append(f"{option['dashes']}{option['name']}={HIDDEN}")
        elif hide_next and not argument.startswith("-"):
            shown.append(HIDDEN)
        else:
            shown.append(without_secret_text(argument))
        hide_next = bool(option is not None and secret and option["dashes"] and not option["value"])
    return shown


def _masked(value: Any, *, hide: bool, numbers: bool) -> Any:
    if isinstance(value, str):
        if hide:
            return HIDDEN if value and not _IN_BRACKETS.fullmatch(value) else value
        return without_secret_text(value)
    if isinstance(value, dict):
        return {
            key: _masked(item, hide=hide or is_secret_name(key), numbers=numbers or bool(_PASSWORD_NAME.fullmatch(key)))
            for key, item in value.items()
        }
    if isinstance(value, list):
        if not hide and value and all(isinstance(item, str) for item in value):
            return without_secret_arguments(value)
        return [_masked(item, hide=hide, numbers=numbers) for item in value]
    return HIDDEN if numbers and isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _hide_named(found: re.Match[str]) -> str:
    known = found["value"] in ("None", "True", "False", "null", "true", "false", HIDDEN) or found["value"].isdecimal()
    if known or not is_secret_name(found["name"]) or _IN_BRACKETS.fullmatch(found["value"]):
        return found[0]
    return found[0][: -len(found["value"])] + HIDDEN


@functools.cache  # compiled by the first text that may hold a secret: a script waits for all of init()
def _named_values() -> tuple[re.Pattern[str], ...]:
    named = rf"(?i)(?<![\w.-])(?P<name>[\w.-]{{0,40}}?{_KINDS})"
    # A name with its value within a text: as code, a dictionary, an option of a command line; with a colon only where
    # no prose is meant, as in "the next token: foo".
    return (
        re.compile(named + r"(?P<between>(?:['\"]?\s*=\s*|['\"]\s*:\s*)['\"]?)(?P<value>[^\s'\",;)}\]&]+)"),
        re.compile(r"(?i)(?<![\w.-])(?P<name>[\w.-]{0,40}?(?:password|passwd|passphrase|api[._-]?key))"
                   r"(?P<between>:\s*)(?P<value>[^\s'\",;)}\]&]+)"),
        re.compile(rf"(?i)(?<![\w.-])--?(?P<name>[\w.-]{{0,40}}?{_KINDS})(?P<between>\s+)(?P<value>[^\s-]\S*)"),
    )  # fmt: skip


@functools.cache
def _looks() -> tuple[tuple[re.Pattern[str], str], ...]:
    return (
        (re.compile(r"(://[^\s/:@'\"]*):[^\s/'\"]+@"), rf"\1:{HIDDEN}@"),
        (re.compile(r"://[A-Za-z0-9_-]{20,}@"), f"://{HIDDEN}@"),
        (re.compile(r"(?i)([?&][\w.-]{0,40}(?:token|key|secret|password|signature|sig|credential)=)[^\s&'\"#]+"),
         rf"\1{HIDDEN}"),
        (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
        (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.S),
         HIDDEN),
        # As Hugging Face, GitHub, GitLab, OpenAI, Anthropic, AWS, Google and Slack hand them out; signed JSON tokens.
        (re.compile(r"\b(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|"
                    r"sk-(?:proj-|ant-)?\w{20,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|xox[abprs]-[\w-]{10,}|"
                    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"), HIDDEN),
    )  # fmt: skip
