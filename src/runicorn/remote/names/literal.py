"""The names that a person's ssh config has as they are, without patterns, to be offered while one is typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from runicorn.regular_files import read_regular

MAX_CONFIG_BYTES = 2**20
MAX_DEPTH = 16  # of Include, as in ssh
MAX_NAMES = 5000


def literal_names(config: Path) -> list[str]:
    """Return the `Host` names of a config and what it includes, in order, each once. What cannot be read is left out.

    A relative Include lies beside ~/.ssh/config (ssh_config(5)).
    """
    found: dict[str, None] = {}
    for word in _host_words(config, config.parent, 0):
        if not set(word) & set("*?!") and not word.startswith("-"):
            found[word] = None
        if len(found) >= MAX_NAMES:
            break
    return list(found)


def _host_words(config: Path, beside: Path, depth: int) -> Iterator[str]:
    try:
        text = read_regular(config, MAX_CONFIG_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    for line in text.splitlines():
        keyword, words = _line(line)
        if keyword == "host":
            yield from words
        elif keyword == "include" and depth < MAX_DEPTH:
            for pattern in words:
                for path in sorted(_matching(pattern, beside)):
                    yield from _host_words(path, beside, depth + 1)


def _matching(pattern: str, beside: Path) -> list[Path]:
    try:
        whole = beside / Path(pattern).expanduser()
        return list(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))))
    except (OSError, ValueError, RuntimeError, NotImplementedError):  # a user without a home, an odd pattern
        return []


def _line(line: str) -> tuple[str, list[str]]:
    """Return the keyword in lower case and its words; a line is `Keyword words`, `Keyword=words`, quotes and all."""
    try:
        words = shlex.split(line.replace("=", " ", 1) if "=" in line.split("#", 1)[0] else line, comments=True)
    except ValueError:  # an open quote
        words = line.split()
    return (words[0].lower(), words[1:]) if words else ("", [])
