"""What a session says at the beginning of each connection where the server carries it as another user.

An SSH server forwards as the user who logged in, with OpenSSH; as root with dropbear and with Tailscale's. There the
kernel's word is that a stranger knocks. So the viewer makes a secret, tells it to its own master over the login's
channel, and lets in who begins with it: nobody else of the machine knows it, and nothing of it is in a command line.
"""

from __future__ import annotations

import hmac
import re
import secrets

_BEGIN = b"runicorn-session "
_PROOF = re.compile("[0-9a-f]{64}")


def new_proof() -> str:
    """Return a secret that nobody can guess, as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def is_proof(value: object) -> bool:
    """Tell whether this is what new_proof() gives."""
    return isinstance(value, str) and _PROOF.fullmatch(value) is not None


def opening(proof: str) -> bytes:
    """Return what a connection begins with to prove that it is the session's; the gate takes it off."""
    return _BEGIN + proof.encode() + b"\n"


class Trial:
    """Hears the beginning of one connection, and never more of it."""

    def __init__(self, wanted: bytes) -> None:
        self._wanted = wanted
        self._heard = b""

    @property
    def left(self) -> int:
        """How many bytes are to be heard next, at most."""
        return len(self._wanted) - len(self._heard)

    def hear(self, data: bytes) -> bool | None:
        """Return whether it is proven; None while more has to be heard. data: b"" at the end."""
        self._heard += data
        if not data or not _BEGIN.startswith(self._heard[: len(_BEGIN)]):
            return False  # a request, or nothing: answered at once
        return None if self.left else hmac.compare_digest(self._heard, self._wanted)
