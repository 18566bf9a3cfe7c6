"""The verdict on an offered host key, as the error that a person is asked with. One place for every SSH library."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runicorn.errors import HostKeyConfirmationError, HostKeyRevokedError
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import Decision, Entry, HostKey, Verdict
from runicorn.remote.trust.target import Target


def require_ok(target: Target, entries: Iterable[Entry], offered: HostKey) -> None:
    """Raise HostKeyRevokedError, or HostKeyConfirmationError with the whole payload, unless the key is known."""
    decision = known_hosts.judge(entries, target.known_hosts_host, offered)
    if decision.verdict is Verdict.REVOKED:
        raise HostKeyRevokedError(f"The host key {offered.fingerprint_sha256} of {target.host} was revoked.")
    if decision.verdict is not Verdict.OK:
        raise HostKeyConfirmationError(_payload(target, decision, offered))


def _payload(target: Target, decision: Decision, offered: HostKey) -> dict[str, Any]:
    """Return the `host_key` object of the 409 answer."""
    payload: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "known_hosts_host": target.known_hosts_host,
        "key_type": offered.key_type,
        "fingerprint_sha256": offered.fingerprint_sha256,
        "public_key": offered.public_key,
        "reason": decision.verdict.value,
    }
    if decision.verdict is Verdict.CHANGED:
        payload["expected_keys"] = [
            {"key_type": key.key_type, "fingerprint_sha256": key.fingerprint_sha256, "public_key": key.public_key}
            for key in decision.expected
        ]
        expected = decision.expected_for(offered)
        if expected:
            payload["expected_fingerprint_sha256"] = expected.fingerprint_sha256
            payload["expected_public_key"] = expected.public_key
    return payload
