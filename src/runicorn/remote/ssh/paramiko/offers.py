"""Which keys a hop may be shown, in which order: the named one, the agent's, those of its config."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import paramiko

from runicorn.regular_files import read_regular
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh import keys
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.keys import UnlockedKey
from runicorn.remote.ssh.paramiko import agent_keys
from runicorn.remote.trust.target import Credentials, Secret

MAX_PUBLIC_KEY_BYTES = 64 * 1024


class KeyOffer(NamedTuple):
    """A key to show. key: for Paramiko. label: how people call it."""

    label: str
    login: Login
    key: Any


class Offers:
    """What may be shown to a hop, in the order of ssh: the named key, the agent's, then files.

    credentials: what the person gave for this hop. Raises the CredentialError of a named key that cannot be used.
    """

    def __init__(self, credentials: Credentials, hop: Hop, home: Path) -> None:
        self.credentials = credentials
        self.unusable: list[str] = []
        self._hop = hop
        self._named: list[tuple[str | None, UnlockedKey]] = []
        if credentials.private_key:
            content = credentials.private_key.reveal().encode()
            self._named.append((None, keys.unlock(content, credentials.passphrase)))
        elif credentials.private_key_path:
            path = credentials.private_key_path
            self._named.append((path, keys.read_key_file(path, credentials.passphrase)))
        self._files: list[tuple[str, UnlockedKey]] = []
        self._paths: list[Path] = []
        if not credentials.explicit:
            self._paths = [Path(path) for path in hop.identities] or keys.default_key_paths(home)
            self._files, errors = keys.try_keys(self._paths)
            self.unusable = [error.detail for error in errors]

    @property
    def password(self) -> Secret | None:
        return self.credentials.password or self.credentials.typed or None

    @property
    def gave_key(self) -> bool:
        """Whether the person named one."""
        return bool(self._named)

    def each_key(self) -> Iterator[KeyOffer]:
        """Yield each key once, with its certificate first where it has one."""
        shown: set[bytes] = set()
        for path, key in self._named:
            reusable = path if path and not key.was_encrypted else None
            yield from self._file(key, path, f"key {path or 'content'}", Login(key=key, key_path=reusable))
            shown.add(key.public_blob)
        for agent_key in self._agent_keys():
            blob = agent_key.asbytes()
            shown.add(blob)
            yield KeyOffer(f"agent key {agent_key.get_name()}", Login(agent_key=blob), agent_key)
        for path, key in self._files:
            if key.public_blob not in shown:  # refused already, as the agent's
                yield from self._file(key, path, f"key {path}", Login(key=key, key_path=path))

    def _file(self, key: UnlockedKey, path: str | None, label: str, login: Login) -> Iterator[KeyOffer]:
        for certificate in self._certificates(key, path):
            certified = pkey(key)
            certified.load_certificate(certificate)
            with_it = Login(key=login.key, key_path=login.key_path, certificate=certificate)
            yield KeyOffer(f"{label} with its certificate", with_it, certified)
        yield KeyOffer(label, login, pkey(key))

    def _certificates(self, key: UnlockedKey, path: str | None) -> Iterator[str]:
        """Yield the certificates that are for this key, as lines of their files."""
        beside = [f"{Path(path).expanduser()}-cert.pub"] if path else []
        for name in dict.fromkeys([*self._hop.certificates, *beside]):
            try:
                text = read_regular(Path(name), MAX_PUBLIC_KEY_BYTES).decode()
                blob = paramiko.pkey.PublicBlob.from_string(text).key_blob
            except (OSError, ValueError, paramiko.SSHException):
                continue
            if keys.is_certificate_of(blob, key.public_blob):
                yield text

    def _agent_keys(self) -> list[Any]:
        """Return the agent's keys: first those that the config names, and only those where it says so."""
        # A named key or password is what the person wants used; six agent keys first would use up MaxAuthTries.
        if not self.credentials.use_agent or self.credentials.explicit or self._hop.agent == "none":
            return []
        found = agent_keys.held_by(self._hop.agent)
        blobs = [key.public_blob for _, key in self._files] + [blob for path in self._paths if (blob := _blob(path))]
        named = [key for blob in dict.fromkeys(blobs) for key in found if key.asbytes() == blob]
        return named if self._hop.identities_only else [*named, *(key for key in found if key not in named)]


def pkey(key: UnlockedKey) -> paramiko.PKey:
    classes: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
    return classes.get(key.key_type, paramiko.ECDSAKey).from_private_key(io.StringIO(key.text.reveal()))


def _blob(path: Path) -> bytes | None:
    """Return the public key beside a private one, whose passphrase it needs nobody for."""
    try:
        text = read_regular(path if path.suffix == ".pub" else Path(f"{path}.pub"), MAX_PUBLIC_KEY_BYTES).decode()
        return bytes(paramiko.pkey.PublicBlob.from_string(text).key_blob)
    except (OSError, ValueError, paramiko.SSHException):
        return None
