"""Texts that are given to others: without what could be a secret, and with home folders as `~`. Pure.

Nothing that Runicorn writes holds a secret; but a log repeats what programs on a server say, and those know no manners.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LEFT_OUT = "(left out)"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A key's lines, whatever stands before each, up to its end or to that of the text.
    (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.S), LEFT_OUT),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|cookie|set-cookie)\b(['\"]?\s*[:=]\s*).*"), rf"\1\2{LEFT_OUT}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {LEFT_OUT}"),
    (re.compile(r"(?<=://)[^\s/@]+@"), f"{LEFT_OUT}@"),
    # A whole query or fragment: which of its names hold a token is not for us to guess.
    (re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s?#'\"]*)[?#][^\s'\"]+"), rf"\1?{LEFT_OUT}"),
    (re.compile(r"(?i)([?&][\w-]{0,40}key=)[^\s&'\"]+"), rf"\1{LEFT_OUT}"),
    (
        re.compile(r"(?i)(passw(?:or)?d|passphrase|secret|token|api[_-]?key)(['\"]?\s*[=:]\s*)(?!\(left)[^\s&]+"),
        rf"\1\2{LEFT_OUT}",
    ),
)


def redact(text: str, homes: Iterable[str] = ()) -> str:
    """Return the text as it can be shown to anybody. homes: absolute folders that are shown as `~`."""
    for pattern, shown in _RULES:
        text = pattern.sub(shown, text)
    for home in sorted({home.rstrip("/\\") for home in homes}, key=len, reverse=True):
        if home:
            text = re.sub(rf"(?<![\w.~/-]){re.escape(home)}(?![\w.-])", "~", text)
    return text
