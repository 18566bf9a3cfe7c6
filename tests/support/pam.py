"""PAM as a site may have set it up: a service of its own for a test's sshd, and codes of a one-time kind."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.accounts import Account

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEH"
STEP_SECS = 30


def find_module(name: str) -> Path | None:
    """Return a PAM module of this machine."""
    places = [Path("/lib/security"), *Path("/lib").glob("*/security"), *Path("/usr/lib").glob("*/security")]
    return next((place / name for place in places if (place / name).exists()), None)


def missing_for_codes() -> str:
    """Return what has to be installed for one-time codes, "" where all is there."""
    if os.geteuid() != 0:
        return "needs root: only it may set up PAM"
    if not find_module("pam_google_authenticator.so"):
        return "needs pam_google_authenticator: apt-get install libpam-google-authenticator"
    return "" if shutil.which("oathtool") else "needs oathtool: apt-get install oathtool"


@contextlib.contextmanager
def pam_service(*lines: str) -> Iterator[str]:
    """Make a service of these lines, and of plain ones for what they leave out; yield its name."""
    name = f"sshd{secrets.token_hex(3)}"
    rest = [f"{kind} required pam_unix.so" for kind in ("auth", "account", "password", "session")]
    kinds = {line.split()[0] for line in lines}
    path = Path("/etc/pam.d") / name
    path.write_text("".join(f"{line}\n" for line in (*lines, *(each for each in rest if each.split()[0] not in kinds))))
    try:
        yield name
    finally:
        path.unlink()


class Authenticator:
    """An account's app for codes. Each code is given out once: the server takes none twice."""

    def __init__(self, account: Account) -> None:
        path = account.home / ".google_authenticator"
        options = ('" RATE_LIMIT 30 30', '" WINDOW_SIZE 5', '" DISALLOW_REUSE', '" TOTP_AUTH')
        path.write_text("\n".join((SECRET, *options)) + "\n")
        account.give(path)
        path.chmod(0o400)
        self._steps = [0, 1, -1, 2, -2]

    def code(self) -> str:
        """Return a code that is good now and was not given out before."""
        step = self._steps.pop(0)
        command = ["oathtool", "--totp", "-b", "-N", f"now {step * STEP_SECS:+d} seconds", SECRET]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def failed_logins(folder: Path, account: Account) -> int:
    """Return how many failed logins pam_faillock counts for the account."""
    done = subprocess.run(
        ["faillock", "--dir", str(folder), "--user", account.username], check=True, capture_output=True, text=True
    )
    return sum(line.rstrip().endswith(" V") for line in done.stdout.splitlines())
