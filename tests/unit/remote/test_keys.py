"""Private keys: whatever `ssh` opens is opened here, with an exact error for what it does not."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from runicorn.errors import KeyInvalidError, PassphraseRequiredError, PassphraseWrongError
from runicorn.remote.ssh import keys
from runicorn.remote.trust.target import Secret

PASSPHRASE = "correct horse 'staple' ü"


def ciphers() -> list[str]:
    listed = subprocess.run(["ssh", "-Q", "cipher"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


@pytest.mark.parametrize("cipher", ciphers())
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_behind_any_cipher_of_ssh_is_opened(kind: str, cipher: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    small = ["-b", "2048"] if kind == "rsa" else []
    command = ["ssh-keygen", "-q", "-t", kind, *small, "-N", PASSPHRASE, "-Z", cipher, "-C", "", "-f", str(path)]
    subprocess.run(command, check=True)
    unlocked = keys.read_key_file(str(path), Secret(PASSPHRASE))
    assert unlocked.was_encrypted
    public = path.with_suffix(".pub").read_text().split()[1]
    assert unlocked.public_blob == base64.b64decode(public)
    with pytest.raises(PassphraseRequiredError):
        keys.read_key_file(str(path), None)
    with pytest.raises(PassphraseWrongError):
        keys.read_key_file(str(path), Secret("wrong"))


def test_a_key_that_is_cut_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", PASSPHRASE, "-Z", "chacha20-poly1305@openssh.com"]
    subprocess.run([*command, "-f", str(path)], check=True)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[-1]]) + "\n")
    with pytest.raises((KeyInvalidError, PassphraseWrongError)):
        keys.read_key_file(str(path), Secret(PASSPHRASE))
