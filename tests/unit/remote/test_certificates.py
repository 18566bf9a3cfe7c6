"""A host's certificate: what it says, and that nothing which is not signed is ever read from one."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.certificates import make_authority, public
from tests.support.sshd import make_key
from tests.support.tokens import SK_DUMMY

from runicorn.errors import InvalidHostKeyError
from runicorn.remote.trust.certificates import is_certificate, key_in, read_certificate
from runicorn.remote.trust.known_hosts import parse_public_key

# Of a key, and of who certified it.
KINDS = (
    ("ed25519", "ed25519"),
    ("ecdsa", "ed25519"),
    ("rsa", "ed25519"),
    ("ed25519", "ed25519-sk"),
    ("ed25519", "ecdsa-sk"),
)


def keygen(*words: str) -> None:
    environ = os.environ | {"SSH_SK_PROVIDER": str(SK_DUMMY)}
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True, env=environ)


def made(folder: Path, kind: str, *options: str, by: str = "ed25519") -> tuple[bytes, str]:
    """Return the blob of a certificate for a key of this kind by an authority of another one, and the key's line."""
    authority, key = folder / f"ca_{by}", folder / kind
    if not authority.exists():
        make_authority(authority, by)
    if not key.exists():
        make_key(key, kind)
    keygen(
        "-s",
        str(authority),
        "-I",
        "gpu-7",
        "-V",
        "20200101000000Z:20300101000000Z",
        *options,
        str(folder / f"{kind}.pub"),
    )
    line = (folder / f"{kind}-cert.pub").read_text().split()
    assert is_certificate(line[0])
    return base64.b64decode(line[1]), (folder / f"{kind}.pub").read_text().strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module", params=KINDS, ids="{0[0]} by {0[1]}".format)
def kinds(request: pytest.FixtureRequest) -> tuple[str, str]:
    kinds: tuple[str, str] = request.param
    return kinds


@pytest.fixture(scope="module")
def certificate(kinds: tuple[str, str], folder: Path) -> tuple[bytes, str]:
    kind, by = kinds
    return made(folder, kind, "-h", "-n", "gpu-7,10.0.0.7", by=by)


def test_it_says_who_it_is_for_who_signed_it_and_until_when(
    certificate: tuple[bytes, str], kinds: tuple[str, str], folder: Path
) -> None:
    said = read_certificate(certificate[0])
    assert said.key == key_in(certificate[0]) == parse_public_key(certificate[1])
    assert said.authority == parse_public_key(public(folder / f"ca_{kinds[1]}"))
    assert (said.key_id, said.principals) == ("gpu-7", ("gpu-7", "10.0.0.7"))
    assert (said.valid_from, said.valid_until) == (1577836800, 1893456000)


@pytest.mark.parametrize(
    ("host", "now", "vouches"),
    [
        ("gpu-7", 1577836800, True),
        ("10.0.0.7", 1893455999, True),
        ("gpu-7", 1577836799, False),
        ("gpu-7", 1893456000, False),
        ("gpu-70", 1600000000, False),
        ("", 1600000000, False),
    ],
)
def test_it_is_for_its_names_and_its_time_only(
    certificate: tuple[bytes, str], host: str, now: int, vouches: bool
) -> None:
    said = read_certificate(certificate[0])
    assert said.vouches_for(host, lambda: now) is vouches
    assert not replace(said, principals=()).vouches_for(host, lambda: now)


def test_a_users_certificate_is_none_of_a_host(folder: Path) -> None:
    blob, line = made(folder, "ed25519", "-n", "gpu-7")
    with pytest.raises(InvalidHostKeyError):
        read_certificate(blob)
    assert key_in(blob) == parse_public_key(line)


def test_a_plain_key_is_no_certificate(folder: Path) -> None:
    key = parse_public_key(made(folder, "ed25519")[1])
    assert not is_certificate(key.key_type)
    with pytest.raises(InvalidHostKeyError):
        read_certificate(key.blob)


@given(data=st.data())
def test_what_was_changed_cut_or_made_longer_is_never_read(certificate: tuple[bytes, str], data: st.DataObject) -> None:
    blob = bytearray(certificate[0])
    at = data.draw(st.integers(0, len(blob) - 1))
    match data.draw(st.sampled_from(["changed", "cut", "longer"])):
        case "changed":
            blob[at] ^= data.draw(st.integers(1, 255))
        case "cut":
            del blob[at:]
        case "longer":
            blob += data.draw(st.binary(min_size=1, max_size=8))
    with pytest.raises(InvalidHostKeyError):
        read_certificate(bytes(blob))


def test_no_byte_may_be_another(certificate: tuple[bytes, str]) -> None:
    for at in range(len(certificate[0])):
        for bit in (1, 2, 128):
            blob = bytearray(certificate[0])
            blob[at] ^= bit
            with pytest.raises(InvalidHostKeyError):
                read_certificate(bytes(blob))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(InvalidHostKeyError):
        read_certificate(noise)
    with pytest.raises(InvalidHostKeyError):
        read_certificate(b"\0\0\0\x20ssh-ed25519-cert-v01@openssh.com" + noise)
