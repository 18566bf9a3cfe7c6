"""Private keys: read, unlock and check one before any server sees it, with an exact error for each way to fail."""

from __future__ import annotations

import base64
import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from runicorn.errors import (
    CredentialError,
    KeyFileNotFoundError,
    KeyInvalidError,
    PassphraseRequiredError,
    PassphraseWrongError,
)
from runicorn.regular_files import read_regular
from runicorn.remote.ssh import foreign_keys
from runicorn.remote.ssh.foreign_keys import PassphraseNeededError
from runicorn.remote.trust.target import Secret

MAX_KEY_BYTES = 64 * 1024
DEFAULT_KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")

_CURVE_HASHES: dict[int, hashes.HashAlgorithm] = {  # RFC 5656, section 6.2.1
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    521: hashes.SHA512(),
}
_PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, repr=False)
class UnlockedKey:
    """A private key without its passphrase. text: OpenSSH form. public_blob: RFC 4253, section 6.6."""

    text: Secret
    key_type: str
    public_blob: bytes
    was_encrypted: bool

    def __repr__(self) -> str:
        return f"UnlockedKey({self.key_type})"

    def sign(self, data: bytes, flags: int) -> bytes:
        """Return the signature blob of `data` (RFC 4253, section 6.6).

        flags: as an SSH agent is asked; 4 means RSA with SHA-512, otherwise RSA signs with SHA-256.
        """
        private = serialization.load_ssh_private_key(self.text.reveal().encode(), None)
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return _strings(b"ssh-ed25519", private.sign(data))
        if isinstance(private, rsa.RSAPrivateKey):
            if flags & 4:
                return _strings(b"rsa-sha2-512", private.sign(data, padding.PKCS1v15(), hashes.SHA512()))
            return _strings(b"rsa-sha2-256", private.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        r, s = utils.decode_dss_signature(private.sign(data, ec.ECDSA(_CURVE_HASHES[private.curve.key_size])))
        return _strings(self.key_type.encode(), _strings(_mpint(r), _mpint(s)))


def read_key_file(path: str, passphrase: Secret | None) -> UnlockedKey:
    """Return the key in the file at `path` on this machine; `~` is the user's home.

    Raises KeyFileNotFoundError if it cannot be read, and the errors of `unlock`.
    """
    try:
        content = read_regular(Path(path).expanduser(), MAX_KEY_BYTES)
    except (OSError, ValueError, RuntimeError) as error:
        if getattr(error, "errno", None) == errno.EFBIG:
            raise KeyInvalidError(f"The key file {path!r} is larger than any private key.") from None
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise KeyFileNotFoundError(f"The key file {path!r} cannot be read: {reason}.") from None
    return unlock(content, passphrase, what=f"The key file {path!r}")


def unlock(content: bytes, passphrase: Secret | None, *, what: str = "The key") -> UnlockedKey:
    """Return the key in `content`, in OpenSSH or PEM form.

    what: how errors call it. Raises KeyInvalidError, PassphraseRequiredError, PassphraseWrongError.
    """
    _reject_lookalikes(content, what)
    # A pasted key often comes with other line ends and without its last one.
    content = content.replace(b"\r\n", b"\n").strip() + b"\n"
    secret = passphrase.reveal().encode() if passphrase else None
    encrypted = False
    try:
        private = _load(content, None)
    except PassphraseNeededError:
        encrypted = True
        if secret is None:
            raise PassphraseRequiredError(f"{what} is protected by a passphrase.") from None
        try:
            private = _load(content, secret)
        except (ValueError, TypeError, UnsupportedAlgorithm, PassphraseNeededError):
            raise PassphraseWrongError(f"The passphrase does not open {_lower(what)}.") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyInvalidError(f"{what} is no private key that can be used.") from error
    if not isinstance(private, _PrivateKey):
        raise KeyInvalidError(
            f"{what} is of a type that is no longer supported.", hint="Use an Ed25519, ECDSA or RSA key."
        )
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    key_type, blob = public.split(b" ")[:2]
    return UnlockedKey(Secret(text.decode()), key_type.decode(), base64.b64decode(blob), encrypted)


def public_part(content: bytes) -> bytes:
    """Return what a private key in OpenSSH's form says in the open, also where it is encrypted; b"" for any other."""
    found = re.search(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", content, re.DOTALL)
    try:
        return base64.b64decode(found[1]) if found else b""
    except ValueError:
        return b""


def default_key_paths(home: Path) -> list[Path]:
    """Return the keys that a person's `ssh` would try by itself, in its order."""
    return [path for path in (home / ".ssh" / name for name in DEFAULT_KEY_NAMES) if path.is_file()]


def try_keys(paths: Iterable[Path]) -> tuple[list[tuple[str, UnlockedKey]], list[CredentialError]]:
    """Return the keys in those of these files that are there and open without a passphrase, and why others do not."""
    keys, errors = [], []
    for path in dict.fromkeys(paths):
        if not path.is_file():
            continue
        try:
            keys.append((str(path), read_key_file(str(path), None)))
        except CredentialError as error:
            errors.append(error)
    return keys, errors


def is_certificate_of(certificate: bytes, public_blob: bytes) -> bool:
    """Tell whether a certificate is for this key (OpenSSH's PROTOCOL.certkeys). Both: the blobs of their lines."""
    kind, rest = _first(certificate)
    _, rest = _first(rest)  # the nonce, behind which the numbers of the key stand as in the key itself
    return kind.endswith(b"-cert-v01@openssh.com") and rest.startswith(_first(public_blob)[1])


def _first(blob: bytes) -> tuple[bytes, bytes]:
    """Return the first string of a blob, and what is behind it."""
    end = 4 + int.from_bytes(blob[:4], "big")
    return blob[4:end], blob[end:]


def _strings(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _mpint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _load(content: bytes, secret: bytes | None) -> object:
    """Return the private key. Raises PassphraseNeededError, and ValueError, TypeError, UnsupportedAlgorithm."""
    openssh = b"BEGIN OPENSSH PRIVATE KEY" in content
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        return load(content, secret)
    except NotImplementedError as error:  # a point that is compressed
        raise ValueError("the key is in a form that is not known") from error
    except InvalidTag as error:  # a wrong passphrase, behind a cipher that notices
        raise ValueError("the key does not open") from error
    except TypeError as error:  # "Password was not given but private key is encrypted"
        raise PassphraseNeededError from error
    except ValueError as error:
        if secret is None and "password" in str(error).lower():
            raise PassphraseNeededError from error
        raise
    except UnsupportedAlgorithm as error:
        if "cipher" not in str(error).lower():
            raise
        return serialization.load_ssh_private_key(foreign_keys.decrypt(content, secret), None)


def _reject_lookalikes(content: bytes, what: str) -> None:
    head = content.lstrip()[:64]
    if len(content) > MAX_KEY_BYTES:
        raise KeyInvalidError(f"{what} is larger than any private key.")
    if head.startswith(b"PuTTY-User-Key-File"):
        raise KeyInvalidError(f"{what} is in PuTTY's own form.")
    if head.startswith((b"ssh-", b"ecdsa-", b"sk-")) or b"BEGIN PUBLIC KEY" in head or b"SSH2 PUBLIC" in head:
        raise KeyInvalidError(f"{what} is a public key.", hint="Give the private key; its file has no .pub at the end.")


def _lower(what: str) -> str:
    return what[0].lower() + what[1:]
