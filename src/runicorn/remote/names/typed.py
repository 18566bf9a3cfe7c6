"""What a person types for a server, in each form that a terminal knows. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from urllib.parse import unquote

from runicorn.errors import InvalidTargetError

EXAMPLE = "Type a name of your ssh config, user@host, user@host:port, or the whole ssh command."

# Options of ssh(1) that take a word, and those that take none.
_WITH_WORD = "BbcDEeFIiJLlmOoPpQRSWw"
_ALONE = "46AaCfGgKkMNnqsTtVvXxYy"
# What would make it another way there, or none: leaving it out would go somewhere else than the person meant.
_OF_WEIGHT = {
    "F": "put an Include of that file into ~/.ssh/config",
    "I": "set PKCS11Provider in ~/.ssh/config",
    "S": "set ControlPath in ~/.ssh/config",
    "W": "give the host itself, with the other one as its jump (-J)",
    "O": "it opens no connection",
    "Q": "it opens no connection",
    "G": "it opens no connection",
    "V": "it opens no connection",
    "w": "give the host without it",
}
# Of -o: what is taken over. Whatever does not change the way there or the login is left out.
_SETTINGS = ("port", "user", "identityfile", "proxyjump")
_SETTINGS_OF_WEIGHT = (
    "hostname",
    "proxycommand",
    "hostkeyalias",
    "certificatefile",
    "identityagent",
    "pkcs11provider",
    "controlpath",
    "proxyusefdpass",
    "bindaddress",
    "bindinterface",
)
_PROMPT = re.compile(r"\A[$%>#]\s+(?=ssh\s)")
_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]*)\](?::(?P<port>.*))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Typed:
    """A server as it was typed. username, port: None where the person's ssh config has the say.

    jumps: the hosts on the way, first one first, each `[user@]host[:port]`; None where the config has the say, () for
    none. identities: private key files, in order.
    """

    host: str
    username: str | None = None
    port: int | None = None
    jumps: tuple[str, ...] | None = None
    identities: tuple[str, ...] = ()


def parse_typed(text: str) -> Typed:
    """Return what is meant by `host`, `user@host:port`, `ssh://...` or a pasted `ssh ...`. Raises InvalidTargetError.

    Whether a name, a port or a user can be is told by Target.make().
    """
    text = _PROMPT.sub("", text.strip())
    if not text:
        raise InvalidTargetError("No server was typed.", hint=EXAMPLE)
    if re.match(r"ssh\s", text):
        return _command(text)
    return place(text)


def place(text: str) -> Typed:
    """Return what `[user@]host[:port]` or `ssh://[user@]host[:port]` means. Raises InvalidTargetError.

    The user may hold blanks, colons and further @: the last @ ends it.
    """
    is_url = text.lower().startswith("ssh://")
    rest = text[len("ssh://") :].split("/", 1)[0] if is_url else text
    username, at, rest = rest.rpartition("@")
    if is_url:
        username = unquote(username.split(";", 1)[0])  # parameters such as a fingerprint stand behind a semicolon
    if at and not username:
        raise InvalidTargetError(f"In {text[:80]!r} the user name before the @ is missing.", hint=EXAMPLE)
    host, port = _host_and_port(rest, text)
    if not host:
        raise InvalidTargetError(f"In {text[:80]!r} the host is missing.", hint=EXAMPLE)
    return Typed(unquote(host) if is_url else host, username if at else None, port)


def split_jumps(text: str) -> tuple[str, ...]:
    """Return the hosts of a ProxyJump, first one first; () for `none`."""
    if text.strip().lower() in ("none", ""):
        return ()
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _host_and_port(text: str, whole: str) -> tuple[str, int | None]:
    bracketed = _BRACKETED.match(text)
    if bracketed:
        return f"[{bracketed['host']}]", None if bracketed["port"] is None else _port(bracketed["port"])
    if text.startswith("["):
        raise InvalidTargetError(f"In {whole[:80]!r} the closing ] of the IPv6 address is missing.", hint=EXAMPLE)
    if text.count(":") != 1:  # a bare IPv6 address; a port would need brackets
        return text, None
    host, _, port = text.partition(":")
    return host, _port(port)


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise InvalidTargetError(
            f"{text[:20]!r} is no port.", hint="A port is a number from 1 to 65535; SSH servers use 22 by default."
        )
    return int(text)


def _command(text: str) -> Typed:
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError as error:
        raise InvalidTargetError(f"The command cannot be read: {error}.", hint=EXAMPLE) from None
    options = _Options()
    host = None
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word == "--":
            host = host or (rest.pop(0) if rest else None)
            break
        if word.startswith("-") and len(word) > 1:
            options.take(word[1:], rest)
        elif host is None:
            host = word
        else:
            break  # what would be run there
    if host is None:
        raise InvalidTargetError("The ssh command names no host.", hint=EXAMPLE)
    return options.applied_to(place(host))


class _Options:
    """What the options of an ssh command say of the way there. As in ssh, the first word on a matter stands."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.username: str | None = None
        self.jumps: tuple[str, ...] | None = None
        self.identities: list[str] = []

    def take(self, letters: str, rest: list[str]) -> None:
        """Take one word of options, such as `vp` of `-vp 22`; what belongs to the last one comes from `rest`."""
        for at, letter in enumerate(letters):
            if letter in _OF_WEIGHT:
                raise InvalidTargetError(f"-{letter} of ssh is not taken over here: {_OF_WEIGHT[letter]}.")
            if letter in _ALONE:
                continue
            if letter not in _WITH_WORD:
                raise InvalidTargetError(f"ssh has no option -{letter[:1]}.", hint=EXAMPLE)
            word = letters[at + 1 :] or (rest.pop(0) if rest else "")
            if not word:
                raise InvalidTargetError(f"Behind -{letter} something is missing.", hint=EXAMPLE)
            self._take(letter, word)
            return

    def applied_to(self, typed: Typed) -> Typed:
        return replace(
            typed,
            username=typed.username if self.username is None else self.username,
            port=typed.port if self.port is None else self.port,
            jumps=self.jumps,
            identities=tuple(self.identities),
        )

    def _take(self, letter: str, word: str) -> None:
        if letter == "p":
            self.port = self.port or _port(word)
        elif letter == "l":
            self.username = self.username or word
        elif letter == "i":
            self.identities.append(word)
        elif letter == "J":
            self._jump(word)
        elif letter == "o":
            self._setting(word)

    def _jump(self, word: str) -> None:
        self.jumps = split_jumps(word) if self.jumps is None else self.jumps
        for jump in self.jumps:
            place(jump)

    def _setting(self, word: str) -> None:
        name, _, value = (part.strip() for part in re.sub(r"[\s=]+", "=", word.strip(), count=1).partition("="))
        name = name.lower()
        if name in _SETTINGS_OF_WEIGHT:
            raise InvalidTargetError(f"-o {word[:80]!r} is not taken over here: set it in ~/.ssh/config.")
        if name in _SETTINGS and not value:
            raise InvalidTargetError(f"-o {word[:80]!r} gives no value.", hint=EXAMPLE)
        if name == "proxyjump":
            self._jump(value)
        elif name in _SETTINGS:
            self._take({"port": "p", "user": "l", "identityfile": "i"}[name], value)
