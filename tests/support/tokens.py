"""What a person holds in the hand, as software: a security key by sk-dummy.so, and a PKCS#11 token by SoftHSM."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SK_DUMMY = Path("/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so")
PIN = "246810"


def make_security_key(path: Path) -> Path:
    """Make a key pair that the security key alone can use."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519-sk", "-w", str(SK_DUMMY), "-N", "", "-C", "", "-f", str(path)], check=True
    )
    return path


@dataclass(frozen=True)
class Token:
    """provider: the library. environ: by which it finds the token. public_key: a file with the key's public half."""

    provider: Path
    environ: dict[str, str]
    public_key: Path


def make_token(folder: Path) -> Token:
    """Make a token with one RSA key in it, for whose use it wants the PIN."""
    provider = next(Path("/usr/lib").glob("**/libsofthsm2.so"))
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    environ = {"SOFTHSM2_CONF": str(config)}

    def util(*words: str) -> None:
        command = ["softhsm2-util", *words, "--pin", PIN]
        subprocess.run(command, check=True, env={**os.environ, **environ}, capture_output=True)

    key = folder / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", str(key)], check=True, capture_output=True)
    key.chmod(0o600)
    util("--init-token", "--free", "--label", "mine", "--so-pin", PIN)
    util("--import", str(key), "--token", "mine", "--label", "key", "--id", "01")
    public = folder / "token.pub"
    public.write_text(
        subprocess.run(["ssh-keygen", "-y", "-f", str(key)], check=True, capture_output=True, text=True).stdout
    )
    key.unlink()
    return Token(provider, environ, public)
