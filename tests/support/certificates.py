"""Certificates of hosts, made by an authority of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.sshd import Sshd, make_key
from tests.support.tokens import SK_DUMMY

FOR_IT = ("-n", "127.0.0.1")


def make_authority(path: Path, kind: str = "ed25519") -> Path:
    """Make the key pair of an authority; of a kind that ends in -sk, a security key's."""
    return make_key(path, kind, "", *(("-w", str(SK_DUMMY)) if kind.endswith("-sk") else ()))


def certify(sshd: Sshd, authority: Path, *options: str, kind: str = "ed25519") -> None:
    """Have the server show a certificate for its key of this kind, made with these options of ssh-keygen."""
    public = sshd.folder / f"host_{kind}.pub"
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-h", "-I", "gpu-7 of the lab", *options, str(public)]
    subprocess.run(sign, check=True, capture_output=True, env=os.environ | {"SSH_SK_PROVIDER": str(SK_DUMMY)})
    config = sshd.folder / "sshd_config"
    plain = config.read_text().split("HostCertificate")[0]
    config.write_text(f"{plain}HostCertificate {sshd.folder}/host_{kind}-cert.pub\n")
    sshd.restart()


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])
