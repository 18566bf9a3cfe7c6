"""Who is reached and with what: ConnectionId, Target, Credentials. Pure values, valid once made."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field

from runicorn.errors import InvalidConnectionIdError, InvalidTargetError

MAX_HOST_CHARS = 253  # RFC 1035, section 2.3.4
MAX_USER_CHARS = 128

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?\Z")
# Numbers as the system's resolver takes them for an IPv4 address (inet_aton(3)): 127.1, 0177.0.0.1, 0x7f000001.
_NUMBERS = re.compile(r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+)){0,3}\Z")
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,32}\Z")
# What OpenSSH refuses in a user name: what a shell could take for more, and what could be read as an option. Bastions
# put much else into it, such as `alice@corp#gpu-7:22`, and `DOMAIN\\alice` or a blank.
_BAD_USER = re.compile(r"""['"`;&<>|(){}\x00-\x1f\x7f]|\A\s|\s\Z|\A-|\s-|\\\Z""")


@dataclass(frozen=True)
class Target:
    """A user, host and port that can be reached. Make one with `Target.make`.

    host: lower-case name or IP address without brackets. port: 1 to 65535.
    """

    host: str
    port: int
    username: str

    @classmethod
    def make(cls, host: str, port: int, username: str) -> Target:
        """Return a valid target. Raises InvalidTargetError if a part could be misread or is out of range."""
        return cls(_valid_host(host), _valid_port(port), _valid_user(username))

    @property
    def connection_id(self) -> str:
        """The id of its connection, `user@host:port`; an IPv6 address stands in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.username}@{host}:{self.port}"

    @property
    def known_hosts_host(self) -> str:
        """The name under which known_hosts files hold this host's keys: bare on port 22, else `[host]:port`."""
        return known_hosts_host(self.host, self.port)


def known_hosts_host(host: str, port: int) -> str:
    """Return the host field of a known_hosts line (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    return host if port == 22 else f"[{host}]:{port}"


def parse_connection_id(text: str) -> Target:
    """Return the target that a connection id names. Raises InvalidConnectionIdError."""
    username, at, rest = text.rpartition("@")
    host, colon, port = rest.rpartition(":")
    if not (at and colon and re.fullmatch(r"[0-9]{1,5}", port)):
        raise InvalidConnectionIdError(f"{text!r} is no connection id.")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise InvalidConnectionIdError(f"{text!r} is no connection id: an IPv6 address needs brackets.")
    try:
        return Target.make(host, int(port), username)
    except InvalidTargetError as error:
        raise InvalidConnectionIdError(f"{text!r} is no connection id: {error.detail}") from None


class Secret:
    """A password, passphrase or key content. Its repr and str show nothing; `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))


@dataclass(frozen=True)
class Credentials:
    """What a person gave to log in with; kept in memory for the life of the connection, written nowhere.

    private_key: the content of a key. private_key_path: a path on this machine, `~` allowed.
    use_agent: whether the SSH agent's keys may be tried. typed: a password that the server asked for while logging in.
    jumps: the hosts on the way, first one first, each `[user@]host[:port]`; None where the person's ssh config has the
    say.
    """

    password: Secret | None = None
    private_key: Secret | None = None
    private_key_path: str | None = None
    passphrase: Secret | None = field(default=None, repr=False)
    use_agent: bool = True
    typed: Secret | None = field(default=None, repr=False)
    jumps: tuple[str, ...] | None = None

    @property
    def explicit(self) -> bool:
        """Whether the person named a key or a password, so that no other one is guessed."""
        return bool(self.password or self.private_key or self.private_key_path)


def _valid_host(host: str) -> str:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    address, percent, zone = bare.partition("%")
    try:
        ip = ipaddress.ip_address(_dotted(address))
    except ValueError:
        pass
    else:
        if percent and not (ip.version == 6 and _ZONE.match(zone)):
            raise InvalidTargetError(f"The host {host!r} has a zone that is none.")
        # The same address under another name would be another host, with a key of its own to be accepted.
        return str(getattr(ip, "ipv4_mapped", None) or ip) + percent + zone
    if len(bare) > MAX_HOST_CHARS or not _HOST_NAME.match(bare) or ".." in bare:
        raise InvalidTargetError(f"{host[:80]!r} is no host name.")
    return bare.lower()


def _dotted(address: str) -> str:
    """Return an IPv4 address in its usual form, whatever the resolver would take for it; anything else as it is."""
    if not _NUMBERS.match(address):
        return address
    try:
        return socket.inet_ntoa(socket.inet_aton(address))
    except OSError:
        return address


def _valid_port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise InvalidTargetError(
            f"{port} is no port.", hint="Give a port from 1 to 65535; SSH servers use 22 by default."
        )
    return port


def _valid_user(username: str) -> str:
    if not username or len(username) > MAX_USER_CHARS or _BAD_USER.search(username) or not username.isprintable():
        raise InvalidTargetError(f"{username[:80]!r} is no user name.")
    return username
