"""Private keys behind ciphers that `cryptography` does not know, opened by AsyncSSH; `ssh-keygen -Z` offers ten."""

from __future__ import annotations


class PassphraseNeededError(Exception):
    """The key is encrypted, and no passphrase was given."""


def decrypt(content: bytes, passphrase: bytes | None) -> bytes:
    """Return the key without a passphrase, in OpenSSH's form.

    Raises PassphraseNeededError, and ValueError for a wrong passphrase or what is no key.
    """
    import asyncssh  # 185 ms, and hardly ever needed

    if passphrase is None:
        raise PassphraseNeededError
    try:
        key = asyncssh.import_private_key(content, passphrase.decode())
        return bytes(key.export_private_key("openssh"))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, asyncssh.KeyExportError) as error:
        raise ValueError(str(error)) from None
