"""A Unix account on the "server": its own user, home and Python environment where this process may make one."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """Who logs in. password: None where none could be set (only root can)."""

    username: str
    home: Path
    password: str | None
    uid: int

    def give(self, path: Path) -> None:
        """Make this path and everything in it the account's own."""
        for each in (path, *path.rglob("*")):
            os.chown(each, self.uid, -1, follow_symlinks=False)

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        """Run a command as this user."""
        user = {"user": self.uid} if os.geteuid() == 0 else {}
        return subprocess.run(arguments, check=True, cwd=self.home, **user, **options)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def make_account(shell: str = "/bin/bash") -> Iterator[Account]:
    """Make a user with a home of its own, and remove both on leaving. Without root, this is the current user with
    another home, which its shell does not know."""
    home = Path(tempfile.mkdtemp(prefix="home-"))
    home.chmod(0o755)
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        try:
            yield Account(me.pw_name, home, None, me.pw_uid)
        finally:
            shutil.rmtree(home, ignore_errors=True)
        return
    name, password = f"rcn{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    subprocess.run(["useradd", "--home-dir", str(home), "--no-create-home", "--shell", shell, name], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{password}".encode(), check=True)
        uid = pwd.getpwnam(name).pw_uid
        account = Account(name, home, password, uid)
        account.give(home)
        yield account
    finally:
        subprocess.run(["userdel", "--force", name], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
