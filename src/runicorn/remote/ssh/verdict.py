"""The verdict on an offered host key, as the error that a person is asked with. One place for every SSH library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runicorn.errors import HostKeyConfirmationError, HostKeyRevokedError
from runicorn.remote.telling.log import printable
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.certificates import HostCertificate
from runicorn.remote.trust.elsewhere import Elsewhere, look_elsewhere
from runicorn.remote.trust.known_hosts import Decision, Entry, HostKey, Verdict
from runicorn.remote.trust.target import Target


def require_ok(
    target: Target,
    entries: Iterable[Entry],
    offered: HostKey,
    files: Sequence[str] = (),
    certificate: HostCertificate | None = None,
) -> None:
    """Raise HostKeyRevokedError, or HostKeyConfirmationError with the whole payload, unless the key is known.

    files: the person's own known_hosts, which are told about in the payload; a key that is revoked there is refused.
    certificate: what the host showed of this key. It lets nobody in; the payload tells whom of those files it is by.
    """
    authority = None if certificate is None else certificate.authority
    decision = known_hosts.judge(entries, target.known_hosts_host, offered, authority)
    if decision.verdict is Verdict.REVOKED:
        raise HostKeyRevokedError(f"The host key {offered.fingerprint_sha256} of {target.host} was revoked.")
    if decision.verdict is Verdict.OK:
        return
    elsewhere = look_elsewhere(files, target, offered, certificate)
    if elsewhere.revoked_in is not None:
        raise HostKeyRevokedError(
            f"The host key {offered.fingerprint_sha256} of {target.host} is revoked in {elsewhere.revoked_in}."
        )
    raise HostKeyConfirmationError(_payload(target, decision, offered, elsewhere))


def _payload(target: Target, decision: Decision, offered: HostKey, elsewhere: Elsewhere) -> dict[str, Any]:
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
    if elsewhere.known_in is not None:
        payload["known_in"] = elsewhere.known_in
        if elsewhere.certificate is not None:
            payload["certified_by"] = {
                "key_type": elsewhere.certificate.authority.key_type,
                "fingerprint_sha256": elsewhere.certificate.authority.fingerprint_sha256,
                "key_id": printable(elsewhere.certificate.key_id),
            }
    elif elsewhere.contradicted_in is not None:
        payload["contradicted_in"] = elsewhere.contradicted_in
    return payload
