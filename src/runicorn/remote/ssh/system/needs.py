"""What of a person's config only the system's `ssh` can do, in words. Blocking, with a limit: it looks for a ticket."""

from __future__ import annotations

import shutil
import subprocess
import sys

from runicorn.remote.names.way import Hop, Way
from runicorn.remote.ssh.paramiko import agent_keys
from runicorn.remote.ssh.system.offering import is_security_key, public_half
from runicorn.remote.trust.target import Credentials

KLIST_TIMEOUT_SECS = 3.0


def only_ssh_can(way: Way, credentials: Credentials) -> str | None:
    """Return why this way takes `ssh`, None where it does not. credentials: what was given for the last hop."""
    if credentials.private_key_path and is_security_key(credentials.private_key_path):
        return f"{credentials.private_key_path} is of a security key"
    for hop in way.hops:
        if hop is way.last and credentials.explicit:
            continue
        reason = _of(hop, use_agent=credentials.use_agent)
        if reason is not None:
            return reason
    return None


def _of(hop: Hop, *, use_agent: bool) -> str | None:
    host = hop.target.host
    if hop.ssh_only.pkcs11_provider:
        return f"your ssh config names a PKCS11Provider for {host}"
    security_keys = [path for path in hop.identities if is_security_key(path)]
    if security_keys:
        in_agent = agent_keys.held_by(hop.agent) if use_agent and hop.agent != "none" else []
        for path in security_keys:
            half = public_half(path)
            if not any(key.asbytes() in half for key in in_agent):  # Paramiko knows those
                return f"your ssh config has the security key {path} for {host}"
    if hop.ssh_only.gssapi and has_ticket():
        return f"your ssh config has GSSAPIAuthentication for {host}, and you have a ticket"
    return None


def has_ticket() -> bool:
    """Whether there is a Kerberos ticket that is valid now."""
    klist = None if sys.platform == "win32" else shutil.which("klist")
    if klist is None:
        return False
    try:
        done = subprocess.run(
            [klist, "-s"], stdin=subprocess.DEVNULL, capture_output=True, timeout=KLIST_TIMEOUT_SECS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
