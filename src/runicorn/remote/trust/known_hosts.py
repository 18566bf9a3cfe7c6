"""The known_hosts text format: parse, match, edit, and the verdict on an offered key. Touches no files.

Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Names are matched exactly as written by us, in lower case; hashed
names, patterns and negation are understood. There is no fall-back from `[host]:port` to `host`, so that every
SSH library that is asked comes to the same answer. `@cert-authority` lines are kept; they let nobody in.
"""

from __future__ import annotations

import base64
import binascii
import enum
import fnmatch
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from runicorn.errors import InvalidHostKeyError

# The one order in which host keys are asked for, in all three SSH libraries.
KEY_TYPE_ORDER = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)


class Verdict(enum.Enum):
    OK = "ok"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class HostKey:
    """A public host key. key_type: the first string inside the blob. blob: RFC 4253, section 6.6."""

    key_type: str
    blob: bytes

    @classmethod
    def from_blob(cls, blob: bytes) -> HostKey:
        """Raises InvalidHostKeyError if the blob is no SSH public key."""
        length = int.from_bytes(blob[:4], "big")
        name = blob[4 : 4 + length]
        if len(blob) <= 4 + length or not 0 < length <= 64 or not name.isascii() or not name.decode().isprintable():
            raise InvalidHostKeyError("The key is no SSH public key.")
        return cls(name.decode(), blob)

    @property
    def base64(self) -> str:
        return base64.b64encode(self.blob).decode()

    @property
    def public_key(self) -> str:
        """As OpenSSH writes it: `<type> <base64>`."""
        return f"{self.key_type} {self.base64}"

    @property
    def fingerprint_sha256(self) -> str:
        return fingerprint_sha256(self.blob)


def fingerprint_sha256(blob: bytes) -> str:
    """Return the fingerprint as OpenSSH prints it: "SHA256:" and unpadded base64."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def parse_public_key(text: str) -> HostKey:
    """Return the key of an OpenSSH line `<type> <base64>`. Raises InvalidHostKeyError, also if the two disagree."""
    fields = text.split(" ")
    if len(fields) != 2 or not text.isascii() or not text.isprintable():
        raise InvalidHostKeyError("A public key reads '<type> <base64>' on one line.")
    key = HostKey.from_blob(_decode(fields[1]))
    if key.key_type != fields[0]:
        raise InvalidHostKeyError(f"The key says it is {fields[0]}, but it is {key.key_type}.")
    return key


@dataclass(frozen=True)
class Entry:
    """A line that holds a key. marker: "", "@revoked" or "@cert-authority". names: its host field, as written."""

    marker: str
    names: str
    key: HostKey

    def matches(self, name: str) -> bool:
        """Whether this line speaks of `name`, a known_hosts host field such as `gpu` or `[gpu]:2222`."""
        name = name.lower()
        if self.names.startswith("|1|"):
            return _matches_hashed(self.names, name)
        hit = False
        for pattern in self.names.lower().split(","):
            negated = pattern.startswith("!")
            if _matches_pattern(pattern.lstrip("!"), name):
                if negated:
                    return False
                hit = True
        return hit


@dataclass(frozen=True)
class Decision:
    """The verdict on an offered key. expected: the keys that the file holds for this host, revoked ones left out."""

    verdict: Verdict
    expected: tuple[HostKey, ...] = ()

    def expected_for(self, offered: HostKey) -> HostKey | None:
        """The stored key of the offered key's type, the one to show beside it."""
        return next((key for key in self.expected if key.key_type == offered.key_type), None)


def parse_line(line: str) -> Entry | None:
    """Return the entry on this line; None for a blank, a comment, or what is no entry."""
    fields = line.split()
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if len(fields) < 3 or fields[0].startswith("#") or marker not in ("", "@revoked", "@cert-authority"):
        return None
    try:
        key = HostKey.from_blob(_decode(fields[2]))
    except InvalidHostKeyError:
        return None
    return Entry(marker, fields[0], key) if key.key_type == fields[1] else None


def parse(text: str) -> list[Entry]:
    """Return the entries of a known_hosts file; lines that are none are passed over."""
    return [entry for entry in map(parse_line, text.splitlines()) if entry]


def judge(entries: Iterable[Entry], name: str, offered: HostKey, authority: HostKey | None = None) -> Decision:
    """Return the verdict on the key that the host `name` offered. This is the only place where one is made.

    authority: who certified the key, if anybody; its key may be revoked, and that is all that it counts for here.
    """
    mine = [entry for entry in entries if entry.marker != "@cert-authority" and entry.matches(name)]
    shown = {offered.blob} if authority is None else {offered.blob, authority.blob}
    if any(entry.marker == "@revoked" and entry.key.blob in shown for entry in mine):
        return Decision(Verdict.REVOKED)
    expected = tuple(entry.key for entry in mine if not entry.marker)
    if not expected:
        return Decision(Verdict.UNKNOWN)
    if any(key.blob == offered.blob for key in expected):
        return Decision(Verdict.OK, expected)
    return Decision(Verdict.CHANGED, expected)


def stored_types(entries: Iterable[Entry], name: str) -> tuple[str, ...]:
    """Return the key types to ask this host for, in KEY_TYPE_ORDER; empty if the file holds none for it."""
    mine = {entry.key.key_type for entry in entries if not entry.marker and entry.matches(name)}
    return tuple(key_type for key_type in KEY_TYPE_ORDER if key_type in mine)


def authorities(entries: Iterable[Entry], name: str) -> tuple[HostKey, ...]:
    """Return the keys of those who may certify this host's keys, as these entries have it."""
    return tuple(entry.key for entry in entries if entry.marker == "@cert-authority" and entry.matches(name))


def algorithms(key_types: Iterable[str]) -> tuple[str, ...]:
    """Return the signature algorithms for these key types; RSA only with SHA-2 (RFC 8332)."""
    return tuple(
        algorithm
        for key_type in key_types
        for algorithm in (("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,))
    )


def add(text: str, name: str, key: HostKey) -> str:
    """Return the file's text with this key as the host's only plain one of its type; all other lines stay."""
    kept = remove(text, name, key.key_type)[0]
    if kept and not kept.endswith("\n"):
        kept += "\n"
    return f"{kept}{name} {key.public_key}\n"


def remove(text: str, name: str, key_type: str) -> tuple[str, bool]:
    """Return the text without the host's plain keys of this type, and whether that changed anything.

    Only lines that name this host alone are taken out: a pattern, or a line shared with other hosts, stays.
    """
    kept = []
    for line in text.splitlines(keepends=True):
        entry = parse_line(line)
        if entry and not entry.marker and entry.key.key_type == key_type and _names_only(entry, name):
            continue
        kept.append(line)
    result = "".join(kept)
    return result, result != text


def _names_only(entry: Entry, name: str) -> bool:
    return entry.names.lower() == name.lower() or (entry.names.startswith("|1|") and entry.matches(name))


def _matches_pattern(pattern: str, name: str) -> bool:
    # Only * and ? are special in known_hosts; brackets are part of `[host]:port`.
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _matches_hashed(names: str, name: str) -> bool:
    parts = names.split("|")
    if len(parts) != 4:
        return False
    try:
        salt, digest = _decode(parts[2]), _decode(parts[3])
    except InvalidHostKeyError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidHostKeyError("The key is no base64.") from None
