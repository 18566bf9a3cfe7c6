"""What `ssh` is told of one hop: what it may show to log in, by which methods, and that the verdict is ours."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

from runicorn.regular_files import read_regular
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh import keys, own_config
from runicorn.remote.ssh.asked_keys import algorithms
from runicorn.remote.ssh.interface import TunnelRefusedError
from runicorn.remote.ssh.keys import UnlockedKey
from runicorn.remote.ssh.own_config import hop_name
from runicorn.remote.ssh.paramiko import agent_keys
from runicorn.remote.ssh.system.desk import JUDGE
from runicorn.remote.trust.target import Credentials

Lines = list[tuple[str, str]]

CONNECT_TIMEOUT_SECS = 15
_TYPED = ("keyboard-interactive", "password")
# In quotes; what each version reads in its own way is left out.
_SAFE_PATH = re.compile(r"[^\x00-\x1f\x7f\"\\$]+")
_SECURITY_KEY = b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"


@dataclass
class Offer:
    """key: one that ssh gets from an agent of ours, by the socket and the public key file named in the lines."""

    lines: Lines = field(default_factory=list)
    key: UnlockedKey | None = None
    agent_socket: str = ""
    public_key_file: str = ""


def offer_of(hop: Hop, number: int, given: Credentials, *, asked: bool) -> Offer:
    """Return what may be shown to a hop. given: for this hop. asked: whether somebody answers its questions.

    Raises the CredentialError of a named key that cannot be used, and TunnelRefusedError for a path that no config of
    ours can hold.
    """
    offer = Offer(agent_socket=f"a{number}", public_key_file=f"id{number}.pub")
    only = hop.ssh_only
    methods: list[str] = []
    offer.lines += [("CertificateFile", quoted(each)) for each in hop.certificates if Path(each).is_file()]
    if given.private_key or given.private_key_path:
        methods.append("publickey")
        _named_key(offer, given)
    elif not given.password:
        if only.gssapi:
            methods.append("gssapi-with-mic")
            offer.lines.append(("GSSAPIAuthentication", "yes"))
            offer.lines.append(("GSSAPIDelegateCredentials", "yes" if only.gssapi_delegates else "no"))
        methods.append("publickey")
        _keys_of_the_config(offer, hop, given)
    if given.password or given.typed or asked:
        methods += _TYPED
    offer.lines.append(("PreferredAuthentications", ",".join(methods)))
    if "publickey" not in methods:
        offer.lines.append(("PubkeyAuthentication", "no"))
    if only.security_key_provider:
        offer.lines.append(("SecurityKeyProvider", quoted(only.security_key_provider)))
    return offer


def shows_no_key(hop: Hop, given: Credentials) -> bool:
    """Whether there was no key, card or ticket that a hop could be shown. given: for this hop."""
    if given.explicit or hop.ssh_only.gssapi or hop.ssh_only.pkcs11_provider or _key_files(hop):
        return False
    return hop.identities_only or not given.use_agent or hop.agent == "none" or not agent_keys.held_by(hop.agent)


def options_for(hop: Hop, number: int, key_types: tuple[str, ...]) -> Lines:
    """Return what holds for the hop whatever is shown to it. key_types: in the order in which they are asked for."""
    name = hop_name(number)
    lines = {
        **own_config.BASE,
        "UserKnownHostsFile": "none",
        "GlobalKnownHostsFile": "none",
        # Relative to the private folder, where ssh runs.
        "KnownHostsCommand": f"/bin/sh ./{JUDGE} {number} %I %t %K",
        "HostKeyAlias": name,
        "HostKeyAlgorithms": ",".join(algorithms(hop, key_types)),
        # Behind another hop it would count the time that a person takes to log in there.
        "ConnectTimeout": "0" if number else str(CONNECT_TIMEOUT_SECS),
        "ControlPath": "none",
        "ControlMaster": "no",
        "NumberOfPasswordPrompts": "1",
        "AddKeysToAgent": "no",
        **dict(hop.ssh_only.algorithms),
    }
    if hop.proxy_command is not None:
        lines["ProxyCommand"] = hop.proxy_command.replace("%", "%%")
    return list(lines.items())


def quoted(path: str) -> str:
    """Return a path as our config can hold it. Raises TunnelRefusedError."""
    if not _SAFE_PATH.fullmatch(path):
        raise TunnelRefusedError(f"the path {path!r} cannot be named to ssh")
    return f'"{path.replace("%", "%%")}"'


def is_security_key(path: str) -> bool:
    """Whether a private key file is of a security key, which is of no use without it."""
    return any(each in public_half(path) for each in _SECURITY_KEY)


def public_half(path: str) -> bytes:
    """Return what a private key file, or the public one beside it, tells without a passphrase; b"" for none of ours."""
    try:
        path = str(Path(path).expanduser())
        public = Path(f"{path}.pub")
        if public.is_file():
            return base64.b64decode(read_regular(public, keys.MAX_KEY_BYTES).split()[1])
        return keys.public_part(read_regular(Path(path), keys.MAX_KEY_BYTES))
    except (OSError, ValueError, IndexError, RuntimeError):  # no file, or a name that can be none
        return b""


def _named_key(offer: Offer, given: Credentials) -> None:
    named = given.private_key_path or ""
    if given.private_key:
        offer.key = keys.unlock(given.private_key.reveal().encode(), given.passphrase)
    elif is_security_key(named):
        path = quoted(str(Path(named).expanduser()))
        offer.lines += [("IdentityFile", path), ("IdentityAgent", "none"), ("IdentitiesOnly", "yes")]
        return
    else:
        offer.key = keys.read_key_file(named, given.passphrase)
        certificate = Path(f"{Path(named).expanduser()}-cert.pub")
        if certificate.is_file():
            offer.lines.append(("CertificateFile", quoted(str(certificate))))
    offer.lines += [
        ("IdentityFile", f"./{offer.public_key_file}"),
        ("IdentityAgent", f"./{offer.agent_socket}"),
        ("IdentitiesOnly", "yes"),
    ]


def _key_files(hop: Hop) -> list[str]:
    return [path for path in hop.identities if Path(path).is_file() or Path(f"{path}.pub").is_file()]


def _keys_of_the_config(offer: Offer, hop: Hop, given: Credentials) -> None:
    offer.lines += [("IdentityFile", quoted(path)) for path in _key_files(hop)] or [("IdentityFile", "none")]
    offer.lines.append(("IdentitiesOnly", "yes" if hop.identities_only else "no"))
    if not given.use_agent or hop.agent == "none":
        offer.lines.append(("IdentityAgent", "none"))
    elif hop.agent is not None:
        offer.lines.append(("IdentityAgent", quoted(hop.agent)))
    if hop.ssh_only.pkcs11_provider:
        offer.lines.append(("PKCS11Provider", quoted(hop.ssh_only.pkcs11_provider)))
