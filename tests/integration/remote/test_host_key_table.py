"""One table of known_hosts texts: what we say, what `ssh` says, and that every tunnel says the same as we do.

Where ours differs from `ssh` on purpose the table has no word for it: there is no fall-back to a name without its
port, and `@cert-authority` is never trusted.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.sshd import Sshd, find_sshd, make_key, run_sshd

from runicorn.errors import AuthFailedError, HostKeyConfirmationError, HostKeyRevokedError, RunicornError
from runicorn.remote.names.way import direct
from runicorn.remote.ssh import paramiko
from runicorn.remote.ssh.interface import Connection, TunnelRequest
from runicorn.remote.ssh.tunnels import asyncssh, openssh
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target

OK, UNKNOWN, CHANGED, REVOKED = "ok", "unknown", "changed", "revoked"


@dataclass(frozen=True)
class Case:
    """lines: of the file; `{ed}`, `{ecdsa}`, `{rsa}` are the server's keys, `{bad_...}` others of that type, `{at}` is
    `[127.0.0.1]:PORT`. ours: the verdict. ssh: whether it goes past the host key; None where it differs on purpose."""

    name: str
    lines: str
    ours: str
    ssh: bool | None = None


def case(name: str, lines: str, ours: str, ssh: bool | None) -> Case:
    return Case(name, lines, ours, ssh)


CASES = (
    case("only ed25519", "{at} {ed}\n", OK, True),
    case("only ecdsa", "{at} {ecdsa}\n", OK, True),
    case("only rsa", "{at} {rsa}\n", OK, True),
    case("ed25519 wrong", "{at} {bad_ed}\n", CHANGED, False),
    case("rsa wrong", "{at} {bad_rsa}\n", CHANGED, False),
    case("ed25519 wrong, rsa right", "{at} {bad_ed}\n{at} {rsa}\n", CHANGED, False),
    case("rsa right, ed25519 wrong", "{at} {rsa}\n{at} {bad_ed}\n", CHANGED, False),
    case("two ed25519, wrong first", "{at} {bad_ed}\n{at} {ed}\n", OK, True),
    case("two ed25519, right first", "{at} {ed}\n{at} {bad_ed}\n", OK, True),
    case("all three right", "{at} {ed}\n{at} {ecdsa}\n{at} {rsa}\n", OK, True),
    case("a type that is not served, and rsa", "{at} {bad_ecdsa521}\n{at} {rsa}\n", OK, True),
    case("a type that is not served", "{at} {bad_ecdsa521}\n", CHANGED, False),
    case("empty", "", UNKNOWN, False),
    case("without the port, right", "127.0.0.1 {ed}\n", UNKNOWN, None),
    case("without the port, wrong", "127.0.0.1 {bad_ed}\n", UNKNOWN, False),
    case("hashed", "{hashed} {ed}\n", OK, True),
    case("hashed, wrong key", "{hashed} {bad_ed}\n", CHANGED, False),
    case("hashed without the port", "{hashed_bare} {ed}\n", UNKNOWN, None),
    case("pattern", "[127.0.0.*]:{port} {ed}\n", OK, True),
    case("question marks", "[127.0.?.?]:{port} {ed}\n", OK, True),
    case("negated", "[127.0.0.*]:{port},!{at} {ed}\n", UNKNOWN, False),
    case("a list of names", "gpu,{at},10.0.0.1 {ed}\n", OK, True),
    case("revoked and right", "@revoked {at} {ed}\n{at} {ed}\n", REVOKED, False),
    case("right and revoked", "{at} {ed}\n@revoked * {ed}\n", REVOKED, False),
    case("revoked ed25519 for all, rsa right", "@revoked * {ed}\n{at} {rsa}\n", OK, True),
    case("revoked alone", "@revoked * {ed}\n", REVOKED, False),
    case("another key revoked", "@revoked * {bad_ed}\n{at} {ed}\n", OK, True),
    case("revoked for another host", "@revoked gpu {ed}\n{at} {ed}\n", OK, True),
    case("authority, no certificate", "@cert-authority {at} {ed}\n", UNKNOWN, False),
    case("authority beside the key", "@cert-authority {at} {bad_ed}\n{at} {ed}\n", OK, True),
    case("another type word than the key's", "{at} rsa-sha2-256 {rsa_blob}\n", UNKNOWN, None),
    case("a name for an address", "[localhost]:{port} {ed}\n", UNKNOWN, False),
    case("another port", "[127.0.0.1]:1 {ed}\n", UNKNOWN, False),
    case("garbage, then right", "{at} ssh-ed25519 !!!!\n{at} {ed}\n", OK, True),
    case("two fields, then right", "{at} ssh-ed25519\n{at} {ed}\n", OK, True),
    case("more blanks", "{at}  {ed}\n", OK, True),
    case("a tab", "{at}\t{ed}\n", OK, True),
    case("an unknown marker, then right", "@foo {at} {bad_ed}\n{at} {ed}\n", OK, True),
    case("an unknown marker", "@foo {at} {ed}\n", UNKNOWN, False),
    case("no last line end", "{at} {ed}", OK, True),
    case("carriage returns", "{at} {bad_ed}x\r\n{at} {ed}\r\n", OK, True),
    case("a comment behind", "{at} {ed} me@there\n", OK, True),
    case("commented out", "#{at} {ed}\n", UNKNOWN, False),
    case("indented", "  {at} {ed}\n", OK, True),
)


@dataclass
class World:
    """A server, keys it does not have, and a connection that was made with the right one."""

    sshd: Sshd
    words: dict[str, str]
    connection: Connection
    key: Path
    folder: Path

    @property
    def target(self) -> Target:
        return self.connection.target


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not find_sshd():
        pytest.skip("needs sshd: apt-get install openssh-server")
    import getpass

    folder = tmp_path_factory.mktemp("table")
    with run_sshd(host_keys=("ed25519", "ecdsa", "rsa"), options={"PermitRootLogin": "yes"}) as sshd:
        at = f"[127.0.0.1]:{sshd.port}"
        words = {"at": at, "port": str(sshd.port), "hashed": hashed(at), "hashed_bare": hashed("127.0.0.1")}
        for name, kind in (("ed", "ed25519"), ("ecdsa", "ecdsa"), ("rsa", "rsa")):
            words[name] = sshd.host_key(kind)
        words["rsa_blob"] = words["rsa"].split()[1]
        for name, kind, *options in (("ed", "ed25519"), ("rsa", "rsa"), ("ecdsa521", "ecdsa", "-b", "521")):
            path = make_key(folder / f"bad-{name}", kind, "", *options).with_suffix(".pub")
            words[f"bad_{name}"] = " ".join(path.read_text().split()[:2])
        key = make_key(folder / "id")
        sshd.authorize(getpass.getuser(), key.with_suffix(".pub"))
        target = Target.make("127.0.0.1", sshd.port, getpass.getuser())
        (folder / "known_hosts").write_text(f"{at} {words['ed']}\n")
        connection = connect(target, folder / "known_hosts", key)
        yield World(sshd, words, connection, key, folder)
        connection.close()


def hashed(name: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def connect(target: Target, file: Path, key: Path) -> Connection:
    credentials = Credentials(private_key_path=str(key), use_agent=False)
    return paramiko.connect(target, direct(target), credentials, HostKeyFile(file), Progress(lambda: None), file.parent)


def verdict_of(error: RunicornError | None) -> str:
    if isinstance(error, HostKeyConfirmationError):
        assert error.payload.keys() >= {"host", "port", "known_hosts_host", "key_type", "public_key", "reason"}
        return str(error.payload["reason"])
    if error is None or isinstance(error, AuthFailedError):
        return OK
    assert isinstance(error, HostKeyRevokedError), error
    return REVOKED


def ours(world: World, file: Path) -> str:
    try:
        connect(world.target, file, world.key).close()
    except RunicornError as error:
        return verdict_of(error)
    return OK


def passes_ssh(world: World, file: Path) -> bool:
    """Whether `ssh` takes the host key: it then goes on to a login, for which it is given nothing."""
    options = ["StrictHostKeyChecking=yes", "BatchMode=yes", "UpdateHostKeys=no", "CheckHostIP=no"]
    options += [f"UserKnownHostsFile={file}", "GlobalKnownHostsFile=none", "IdentityAgent=none", "IdentityFile=none"]
    words = [each for option in options for each in ("-o", option)]
    done = subprocess.run(
        ["ssh", "-F", "none", *words, "-p", str(world.sshd.port), "-l", "nobody-here", "127.0.0.1", "true"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 255
    refused = "Host key verification failed" in done.stderr
    assert refused != ("Permission denied" in done.stderr), done.stderr
    return not refused


def tunnel_verdict(world: World, backend: str, file: Path) -> str:
    request = TunnelRequest(
        connection=world.connection,
        remote_port=1,
        known=tuple(HostKeyFile(file).entries()),
        ssh_path=None,
        log=lambda _: None,
    )
    try:
        (openssh if backend == "openssh" else asyncssh).open_tunnel(request).close()
    except RunicornError as error:
        return verdict_of(error)
    return OK


@pytest.mark.parametrize("each", CASES, ids=lambda each: each.name)
def test_the_verdict(world: World, tmp_path: Path, each: Case) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(each.lines.format(**world.words).encode())
    assert ours(world, file) == each.ours
    if each.ssh is not None:
        assert passes_ssh(world, file) is each.ssh
    for backend in ("openssh", "asyncssh"):
        assert tunnel_verdict(world, backend, file) == each.ours, backend


def test_a_name_is_compared_in_lower_case(world: World, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    port = world.sshd.port
    for stored, asked in (("localhost", "LOCALHOST"), ("LOCALHOST", "localhost")):
        file.write_text(f"[{stored}]:{port} {world.words['ed']}\n")
        target = Target.make(asked, port, world.target.username)
        with contextlib.closing(connect(target, file, world.key)) as connection:
            assert connection.alive


def test_a_server_with_a_certificate_is_known_by_its_key_only(world: World, tmp_path: Path) -> None:
    """`ssh` would trust the authority; here it counts as absent, and no certificate is asked for."""
    authority = make_key(tmp_path / "authority")
    with run_sshd(host_keys=("ed25519",)) as plain:
        public = plain.folder / "host_ed25519.pub"
        sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "host", "-h", "-n", "127.0.0.1", str(public)]
        subprocess.run(sign, check=True)
        line = " ".join(authority.with_suffix(".pub").read_text().split()[:2])
        certificate = str(plain.folder / "host_ed25519-cert.pub")
        options = {"HostKey": str(plain.folder / "host_ed25519"), "HostCertificate": certificate}
        with run_sshd(host_keys=(), options=options) as sshd:
            target = Target.make("127.0.0.1", sshd.port, world.target.username)
            file = tmp_path / "known_hosts"
            for lines, expected in (
                (f"@cert-authority {target.known_hosts_host} {line}\n", UNKNOWN),
                (f"{target.known_hosts_host} {plain.host_key()}\n", OK),
            ):
                file.write_text(lines)
                error: RunicornError | None = None
                try:
                    connect(target, file, world.key).close()
                except RunicornError as raised:
                    error = raised
                assert verdict_of(error) == expected
