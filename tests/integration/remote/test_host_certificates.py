"""A host that shows a certificate: known by the authority in the person's own known_hosts, as `ssh` has it.

It lets nobody in by itself: a person takes the certified key over, and from then on that key is what is checked.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.certificates import FOR_IT, certify, make_authority, public
from tests.support.remote import accept, connect, start
from tests.support.server import Server
from tests.support.serving import run_viewer
from tests.support.sshd import Sshd, make_key, run_sshd

from runicorn.errors import HostKeyConfirmationError, HostKeyRevokedError
from runicorn.remote.names.way import direct
from runicorn.remote.ssh.paramiko.handshake import verified_transport
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.known_hosts import Entry, fingerprint_sha256, parse, parse_public_key
from runicorn.remote.trust.target import Target


@dataclass
class World:
    """A server with keys of three kinds, authorities of five kinds, and the person's own known_hosts."""

    sshd: Sshd
    folder: Path

    @property
    def own(self) -> Path:
        return self.folder / "own_known_hosts"

    def authority(self, kind: str = "ed25519") -> Path:
        path = self.folder / f"authority_{kind}"
        return path if path.exists() else make_authority(path, kind)

    def words(self) -> dict[str, str]:
        at, other = f"[127.0.0.1]:{self.sshd.port}", self.folder / "other"
        key = other if other.exists() else make_key(other)
        return {"at": at, "ca": public(self.authority()), "other": public(key), "key": self.sshd.host_key()}

    def shown(self, entries: list[Entry] | None = None) -> dict[str, Any]:
        """Return what a person is asked about."""
        target = Target.make("127.0.0.1", self.sshd.port, "me")
        hop = replace(direct(target).last, known_hosts_files=(str(self.own),))
        with pytest.raises(HostKeyConfirmationError) as caught:
            verified_transport(hop, entries or [], Progress(lambda: None))
        return caught.value.payload

    def ssh_goes_on(self) -> bool:
        """Tell whether `ssh` goes past the host key with the same file."""
        options = [f"UserKnownHostsFile={self.own}", "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes"]
        words = ["ssh", "-F", "none", "-p", str(self.sshd.port), "-o", "BatchMode=yes", "-o", "IdentityFile=none"]
        told = subprocess.run(
            [*words, *(word for each in options for word in ("-o", each)), "127.0.0.1", "true"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
        ).stderr
        assert ("Permission denied" in told) != ("Host key verification failed" in told), told
        return "Permission denied" in told


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with run_sshd(host_keys=("ed25519", "ecdsa", "rsa"), options={"PasswordAuthentication": "no"}) as sshd:
        yield World(sshd, tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("authority", ["ed25519", "ecdsa", "rsa", "ed25519-sk", "ecdsa-sk"])
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_authority_is_told_with_the_key_that_it_certified(world: World, kind: str, authority: str) -> None:
    certify(world.sshd, world.authority(authority), *FOR_IT, kind=kind)
    world.own.write_text(f"@cert-authority {world.words()['at']} {public(world.authority(authority))}\n")
    shown = world.shown()
    assert shown["public_key"] == world.sshd.host_key(kind)
    assert (shown["reason"], shown["known_in"]) == ("unknown", str(world.own))
    signer = parse_public_key(public(world.authority(authority)))
    assert shown["certified_by"] == {
        "key_type": signer.key_type,
        "fingerprint_sha256": fingerprint_sha256(signer.blob),
        "key_id": "gpu-7 of the lab",
    }
    assert world.ssh_goes_on()


@pytest.mark.parametrize(
    "lines", ["@cert-authority * {ca}", "@cert-authority 127.0.0.1 {ca}", "@cert-authority 10.*,{at} {ca}"]
)
def test_an_authority_is_found_by_each_name_that_ssh_finds_it_by(world: World, lines: str) -> None:
    certify(world.sshd, world.authority(), *FOR_IT)
    world.own.write_text(lines.format(**world.words()) + "\n")
    assert world.shown()["certified_by"]["key_type"] == "ssh-ed25519"
    assert world.ssh_goes_on()


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (FOR_IT, "@cert-authority {at} {other}"),
        (FOR_IT, "@cert-authority 127.0.0.*,!127.0.0.1,![127.0.0.1]:* {ca}"),
        (FOR_IT, "{at} {ca}"),
        (("-n", "gpu-8,127.0.0.?,*"), "@cert-authority {at} {ca}"),
        ((*FOR_IT, "-V", "-2d:-1d"), "@cert-authority {at} {ca}"),
        ((*FOR_IT, "-V", "+1d:+2d"), "@cert-authority {at} {ca}"),
        ((*FOR_IT, "-O", "critical:made-up@example.com=x"), "@cert-authority {at} {ca}"),
    ],
)
def test_one_that_is_by_another_for_another_or_for_another_time_says_nothing(
    world: World, options: tuple[str, ...], lines: str
) -> None:
    certify(world.sshd, world.authority(), *options)
    world.own.write_text(lines.format(**world.words()) + "\n")
    assert not {"known_in", "certified_by"} & set(world.shown())
    assert not world.ssh_goes_on()


def test_one_that_is_signed_with_sha1_says_nothing(world: World) -> None:
    certify(world.sshd, world.authority("rsa"), *FOR_IT, "-t", "ssh-rsa")
    world.own.write_text(f"@cert-authority * {public(world.authority('rsa'))}\n")
    assert "certified_by" not in world.shown()
    assert not world.ssh_goes_on()


def test_one_that_names_nobody_is_for_nobody(world: World) -> None:
    certify(world.sshd, world.authority())
    world.own.write_text("@cert-authority * {ca}\n".format(**world.words()))
    assert "certified_by" not in world.shown()


@pytest.mark.parametrize("revoked", ["{ca}", "{key}"])
@pytest.mark.parametrize("mine", [False, True])
def test_an_authority_or_a_key_that_is_revoked_is_refused(world: World, revoked: str, mine: bool) -> None:
    certify(world.sshd, world.authority(), *FOR_IT)
    words, line = world.words(), f"@revoked * {revoked}\n"
    entries = parse(line.format(**words)) if mine else []
    world.own.write_text(("@cert-authority * {ca}\n" + ("" if mine else line)).format(**words))
    hop = replace(direct(Target.make("127.0.0.1", world.sshd.port, "me")).last, known_hosts_files=(str(world.own),))
    with pytest.raises(HostKeyRevokedError):
        verified_transport(hop, entries, Progress(lambda: None))
    assert mine or not world.ssh_goes_on()


def test_the_key_itself_in_the_file_goes_before_its_authority(world: World) -> None:
    certify(world.sshd, world.authority(), *FOR_IT)
    world.own.write_text("@cert-authority * {ca}\n{at} {key}\n".format(**world.words()))
    shown = world.shown()
    assert shown["known_in"] == str(world.own)
    assert "certified_by" not in shown


@pytest.mark.parametrize("connector", ["paramiko", "ssh"])
def test_a_certified_key_is_taken_over_by_a_click_and_also_when_it_changed(
    server: Server, tmp_path: Path, connector: str
) -> None:
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir(parents=True)
    authority, own = make_key(tmp_path / "authority"), ssh / "known_hosts"
    own.write_text(f"@cert-authority 127.0.0.* {public(authority)}\n")
    (ssh / "config").write_text(f"Host *\n UserKnownHostsFile {own}\n")
    certify(server.sshd, authority, *FOR_IT)
    body = server.login(remote_root=str(server.runs))
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_CONNECTOR": connector}) as viewer:
        answer = connect(viewer, body)
        shown = answer.json()["detail"]["host_key"]
        assert (shown["reason"], shown["public_key"]) == ("unknown", server.sshd.host_key())
        assert (shown["known_in"], shown["certified_by"]["key_id"]) == (str(own), "gpu-7 of the lab")
        assert "Accepted" not in server.sshd.log
        accept(viewer, answer)
        assert connect(viewer, body).json()["connector"] == connector
        assert start(viewer, body)["status"] == "running"
        viewer.post("/api/remote/disconnect", server.target())

        for suffix in ("", ".pub"):
            (server.sshd.folder / f"host_ed25519{suffix}").unlink()
        make_key(server.sshd.folder / "host_ed25519")
        certify(server.sshd, authority, *FOR_IT)
        answer = connect(viewer, body)
        shown = answer.json()["detail"]["host_key"]
        assert (shown["reason"], shown["public_key"]) == ("changed", server.sshd.host_key())
        assert (shown["known_in"], shown["certified_by"]["key_id"]) == (str(own), "gpu-7 of the lab")

        own.write_text(f"@cert-authority 127.0.0.* {public(make_key(tmp_path / 'other'))}\n")
        shown = connect(viewer, body).json()["detail"]["host_key"]
        assert "certified_by" not in shown
        own.write_text(f"@cert-authority * {public(authority)}\n@revoked * {public(authority)}\n")
        assert connect(viewer, body).json()["code"] == "HOST_KEY_REVOKED"
