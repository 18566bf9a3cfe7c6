"""The certificate that a host shows in place of its plain key, and whether an authority vouches for a name by it.

Format: OpenSSH's PROTOCOL.certkeys. Touches no files, and trusts nobody: it only says what a certificate says.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from runicorn.errors import InvalidHostKeyError
from runicorn.remote.trust.known_hosts import HostKey

SUFFIX = "-cert-v01@openssh.com"
_KEY_FIELDS = {b"ssh-ed25519": 1}  # of how many strings the key is made; RSA and elliptic curves have two
# What ssh takes by CASignatureAlgorithms: none with SHA-1.
_SIGNATURES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


@dataclass(frozen=True)
class HostCertificate:
    """What a host's certificate says. key: the plain key that the host proved to hold. authority: who signed it.

    principals: the names that it is for, as they are: ssh knows no patterns there. valid_from, valid_until: seconds
    since 1970; until is not part of it any more.
    """

    key: HostKey
    authority: HostKey
    key_id: str
    principals: tuple[str, ...]
    valid_from: int
    valid_until: int

    def vouches_for(self, host: str, clock: Callable[[], float] = time.time) -> bool:
        """Tell whether it is for this host, and now. host: the name alone, in lower case.

        One that names nobody is for nobody, as the newest ssh has it; older ones take it for everybody.
        """
        return host in self.principals and self.valid_from <= clock() < self.valid_until


def is_certificate(key_type: str) -> bool:
    """Tell whether a type of key is that of a certificate, by its name."""
    return key_type.endswith(SUFFIX)


def certified(algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms by which a host shows certificates for keys of these plain ones."""
    return tuple(f"{each}{SUFFIX}" for each in algorithms)


def key_in(blob: bytes) -> HostKey:
    """Return the plain key in a certificate, whoever signed that. Raises InvalidHostKeyError."""
    try:
        return HostKey.from_blob(_key_in(_Fields(blob), blob))
    except struct.error as error:
        raise InvalidHostKeyError("The certificate cannot be read.") from error


def read_certificate(blob: bytes) -> HostCertificate:
    """Return what a certificate says, once its authority's signature is checked.

    Raises InvalidHostKeyError for what is no host's certificate, and for a signature that is wrong or made with SHA-1.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.ssh import (
        SSHCertificate,
        SSHCertificateType,
        load_ssh_public_identity,
    )

    try:
        kind, signed = HostKey.from_blob(blob).key_type, _signed(blob)
        by_security_key = signed.algorithm.startswith("sk-")
        found = load_ssh_public_identity(
            kind.encode() + b" " + base64.b64encode(_in_plain_form(signed) if by_security_key else blob)
        )
        if not isinstance(found, SSHCertificate) or found.type is not SSHCertificateType.HOST:
            raise InvalidHostKeyError("It is no certificate of a host.")
        if found.critical_options:
            raise InvalidHostKeyError("The certificate makes conditions, and none is known for hosts.")
        if signed.algorithm not in _SIGNATURES:
            raise InvalidHostKeyError("The certificate is signed in a way that is not safe, or not known.")
        if by_security_key:
            _verify_by_security_key(signed)
        else:
            found.verify_cert_signature()
        return HostCertificate(
            key=key_in(blob),
            authority=HostKey.from_blob(signed.authority),
            key_id=found.key_id.decode("utf-8", "replace"),
            principals=tuple(each.decode("utf-8", "replace") for each in found.valid_principals),
            valid_from=found.valid_after,
            valid_until=found.valid_before,
        )
    except (ValueError, TypeError, NotImplementedError, struct.error, UnsupportedAlgorithm) as error:
        raise InvalidHostKeyError("The certificate cannot be read.") from error
    except InvalidSignature as error:
        raise InvalidHostKeyError("The certificate was not signed by who it names.") from error


class _Fields:
    """The fields of a certificate, one after the other. Raises struct.error where they end too early."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self.at = 0

    def string(self) -> bytes:
        (length,) = struct.unpack_from(">I", self._blob, self.at)
        return self.take(4 + length)[4:]

    def take(self, length: int) -> bytes:
        self.at += length
        if self.at > len(self._blob):
            raise struct.error("The fields end too early.")
        return self._blob[self.at - length : self.at]

    def end(self) -> None:
        """Raises struct.error where there is more."""
        if self.at != len(self._blob):
            raise struct.error("There is more than the fields.")


class _Signed(NamedTuple):
    """What of a certificate its signature is about. authority: the blob of the key that signed it."""

    body: bytes
    authority: bytes
    signature: bytes
    algorithm: str


def _key_in(fields: _Fields, blob: bytes) -> bytes:
    """Return the blob of the plain key that a certificate holds; the fields stand behind it, then."""
    plain = fields.string().removesuffix(SUFFIX.encode())
    fields.string()  # a nonce
    began_at = fields.at
    for _ in range(_KEY_FIELDS.get(plain, 2)):
        fields.string()
    return struct.pack(">I", len(plain)) + plain + blob[began_at : fields.at]


def _signed(blob: bytes) -> _Signed:
    fields = _Fields(blob)
    _key_in(fields, blob)
    fields.take(8 + 4)  # serial number, type
    for _ in range(2):  # key id, principals
        fields.string()
    fields.take(8 + 8)  # valid from, valid until
    for _ in range(3):  # critical options, extensions, reserved
        fields.string()
    authority = fields.string()
    body = blob[: fields.at]
    signature = fields.string()
    fields.end()
    return _Signed(body, authority, signature, _Fields(signature).string().decode("ascii"))


def _in_plain_form(signed: _Signed) -> bytes:
    """Return a certificate that a security key signed as one that `cryptography` can read.

    That knows no signature with something behind it, though it knows these keys.
    """
    fields = _Fields(signed.signature)
    for _ in range(2):  # its kind, and the signature proper
        fields.string()
    return signed.body + struct.pack(">I", fields.at) + signed.signature[: fields.at]


def _verify_by_security_key(signed: _Signed) -> None:
    """Raises InvalidSignature, ValueError and struct.error. See OpenSSH's PROTOCOL.u2f.

    Whether somebody touched the key for it is not asked, as ssh does not ask it of authorities.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    key, made = _Fields(signed.authority), _Fields(signed.signature)
    kind = key.string()
    if made.string() != kind:
        raise InvalidSignature
    curve = key.string() if b"ecdsa" in kind else None
    point, application = key.string(), key.string()
    signature, state = made.string(), made.take(1 + 4)  # flags, and how often the key was used
    key.end()
    made.end()
    message = hashlib.sha256(application).digest() + state + hashlib.sha256(signed.body).digest()
    if curve is None:
        ed25519.Ed25519PublicKey.from_public_bytes(point).verify(signature, message)
        return
    numbers = _Fields(signature)
    r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
    whole = utils.encode_dss_signature(r, s)
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).verify(whole, message, ec.ECDSA(SHA256()))
