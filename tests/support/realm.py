"""A Kerberos realm of a test's own, on 127.0.0.1: its KDC, a server's keytab, and tickets for a person."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.sshd import free_port

REALM = "RUNICORN.TEST"
START_TIMEOUT_SECS = 10.0
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass
class Realm:
    """environ: by which clients find it. server_environ: by which a server does, with its keytab."""

    folder: Path
    environ: dict[str, str]
    server_environ: dict[str, str]

    def add(self, username: str) -> str:
        """Make a principal and return its password."""
        password = secrets.token_urlsafe(12)
        self._kadmin(f"addprinc -pw {password} {username}")
        return password

    def log_in(self, username: str, password: str) -> None:
        """Get a ticket, as a person does with kinit."""
        subprocess.run(
            ["kinit", username],
            input=f"{password}\n",
            text=True,
            check=True,
            env=self._all(self.environ),
            stdout=subprocess.DEVNULL,
        )

    def log_out(self) -> None:
        subprocess.run(["kdestroy", "-q"], check=True, env=self._all(self.environ))

    def make(self) -> None:
        password = secrets.token_urlsafe(12)
        command = ["kdb5_util", "-r", REALM, "create", "-s", "-W", "-P", password]
        subprocess.run(command, check=True, env=self._all(self.server_environ), capture_output=True)
        self._kadmin("addprinc -randkey host/localhost")
        self._kadmin(f"ktadd -k {self.folder}/keytab host/localhost")

    def _kadmin(self, command: str) -> None:
        words = ["kadmin.local", "-r", REALM, "-q", command]
        done = subprocess.run(words, check=False, env=self._all(self.server_environ), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def _all(self, own: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "PATH": _PATH, **own}


@contextlib.contextmanager
def run_realm(folder: Path) -> Iterator[Realm]:
    """Make a realm in this folder, and run its KDC."""
    port = free_port()
    (folder / "krb5.conf").write_text(
        f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n"
        f" dns_canonicalize_hostname = false\n[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        f"[domain_realm]\n localhost = {REALM}\n"
    )
    (folder / "kdc.conf").write_text(
        f"[realms]\n {REALM} = {{\n  database_name = {folder}/principal\n  key_stash_file = {folder}/stash\n"
        f"  acl_file = {folder}/acl\n  kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n }}\n"
        f"[logging]\n kdc = FILE:{folder}/kdc.log\n"
    )
    config = {"KRB5_CONFIG": str(folder / "krb5.conf")}
    realm = Realm(
        folder,
        {**config, "KRB5CCNAME": f"FILE:{folder}/tickets"},
        {**config, "KRB5_KDC_PROFILE": str(folder / "kdc.conf"), "KRB5_KTNAME": f"FILE:{folder}/keytab"},
    )
    realm.make()
    environ = {**os.environ, "PATH": _PATH, **realm.server_environ}
    process = subprocess.Popen(["krb5kdc", "-n", "-r", REALM], env=environ, start_new_session=True)
    try:
        log, deadline = folder / "kdc.log", time.monotonic() + START_TIMEOUT_SECS
        while not log.exists() or "commencing operation" not in log.read_text():
            assert process.poll() is None, "the KDC ended"
            assert time.monotonic() < deadline, "the KDC did not start"
            time.sleep(0.02)
        yield realm
    finally:
        process.terminate()
        process.wait()
