"""What artifacts, their aliases and their files may be called, and where they lie below a root. Touches no files."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from runicorn.errors import InvalidArtifactPathError, UsageError
from runicorn.storage.jsonio import well_formed

ARTIFACTS = "artifacts"
BLOBS = "blobs"
PARTIAL = "partial"
ALIASES = "aliases"
LATEST = "latest"

_MAX_NAME_BYTES = 120  # a name becomes a folder's; 255 bytes is what file systems take
_MAX_PART_BYTES = 255
_MAX_PATH_CHARACTERS = 4096
_UNSAFE = re.compile(r"[^\w.-]+")
_VERSION = re.compile(r"v(0|[1-9]\d{0,8})", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:", re.ASCII)
_WINDOWS_RESERVED = re.compile(r"(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])(\..*)?", re.IGNORECASE)
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')


@dataclass(frozen=True)
class Reference:
    """What `name:v3`, `name:best` or `name` asks for. wanted: a version's number or an alias."""

    name: str
    wanted: int | str

    def __str__(self) -> str:
        return f"{self.name}:{version_text(self.wanted) if isinstance(self.wanted, int) else self.wanted}"


def clean_name(text: str) -> str:
    """Return the name as a folder can bear it everywhere: letters of any script, digits, dots, dashes, underscores.

    The same text always gives the same name, so that what was logged under any text is found again under it.
    """
    slug = _UNSAFE.sub("-", unicodedata.normalize("NFC", well_formed(text))).strip("-.")
    if len(slug.encode()) > _MAX_NAME_BYTES:
        import hashlib

        digest = hashlib.sha256(slug.encode()).hexdigest()[:8]
        slug = f"{slug.encode()[: _MAX_NAME_BYTES - 9].decode(errors='ignore')}-{digest}"
    if not slug:
        return "artifact"
    if slug.lower() == BLOBS or _WINDOWS_RESERVED.fullmatch(slug):
        stem, dot, rest = slug.partition(".")
        return f"{stem}_{dot}{rest}"
    return slug


def is_name(text: str) -> bool:
    """Tell whether `text` is a name as `clean_name` gives them; only such a folder is an artifact's."""
    return clean_name(text) == text


def clean_alias(text: str) -> str | None:
    """Return the alias as a file can bear it, or None for one that a version has anyway: latest, v3."""
    alias = clean_name(text)
    return None if alias.lower() == LATEST or _VERSION.fullmatch(alias.lower()) else alias


def version_text(number: int) -> str:
    return f"v{number}"


def parse_version(text: str) -> int | None:
    """Return the number in `v3`, or None."""
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


def parse_reference(text: str) -> Reference:
    """Return what `name:v3`, `name:alias` or `name` (its latest version) asks for. Raises UsageError."""
    name, colon, wanted = text.rpartition(":")
    if not colon:
        name, wanted = text, LATEST
    if not name or not wanted:
        raise UsageError(f"{text[:200]!r} names no artifact.", hint="Write NAME, NAME:v3 or NAME:ALIAS.")
    number = parse_version(wanted)
    return Reference(clean_name(name), clean_name(wanted) if number is None else number)


def is_sha256(text: object) -> bool:
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def folder_path(name: str) -> str:
    """Return where an artifact's versions lie, relative to the root."""
    return f"{ARTIFACTS}/{name}"


def version_path(name: str, number: int) -> str:
    return f"{ARTIFACTS}/{name}/{version_text(number)}.json"


def alias_path(name: str, alias: str) -> str:
    return f"{ARTIFACTS}/{name}/{ALIASES}/{alias}"


def blob_path(sha256: str) -> str:
    return f"{ARTIFACTS}/{BLOBS}/{sha256[:2]}/{sha256}"


def member_path(text: str) -> str:
    """Return the path of a file in an artifact: relative, with slashes, staying inside.

    Raises InvalidArtifactPathError for one that is absolute, begins with a drive letter, is empty, or has `..` in it.
    """
    path = well_formed(text.replace("\\", "/"))
    parts = [part for part in path.split("/") if part != "."]
    if path.startswith("/") or _DRIVE.match(path):
        raise InvalidArtifactPathError(f"{text[:200]!r} is an absolute path.")
    if ".." in parts:
        raise InvalidArtifactPathError(f"{text[:200]!r} leads out of the artifact.")
    if not parts or not all(parts) or "\0" in path:
        raise InvalidArtifactPathError(f"{text[:200]!r} names no file.")
    if len(path) > _MAX_PATH_CHARACTERS or any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        raise InvalidArtifactPathError(f"{text[:50]!r}... is too long.")
    return "/".join(parts)


def is_member_path(text: object) -> bool:
    """Tell whether `text`, which somebody wrote into a manifest, is a path as `member_path` gives them."""
    try:
        return isinstance(text, str) and member_path(text) == text
    except InvalidArtifactPathError:
        return False


def member_part(name: str) -> str:
    """Return a file name found on a disk as a part of a member path: what other systems misread stands as %XX.

    name: as os.listdir gives it, with bytes that are no UTF-8 as surrogates.
    """
    plain = "".join(f"%{ord(each) - 0xDC00:02X}" if 0xDC80 <= ord(each) <= 0xDCFF else each for each in name)
    plain = well_formed(plain).replace("\\", "%5C")
    return f"{plain[0]}%3A{plain[2:]}" if _DRIVE.match(plain) else plain


def local_part(part: str, *, windows: bool) -> str:
    """Return a part of a member path as a file name on this system: what Windows forbids stands as %XX there."""
    if not windows:
        return part
    name = _WINDOWS_FORBIDDEN.sub(lambda match: f"%{ord(match[0]):02X}", part)
    return f"%{ord(name[0]):02X}{name[1:]}" if _WINDOWS_RESERVED.fullmatch(name) else name
