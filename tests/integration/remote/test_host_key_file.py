"""The managed known_hosts file under many processes, and when one of them dies while it writes."""

from __future__ import annotations

import base64
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import HostKey

WRITERS = 50
KILLS = 12

# One process: what to do with which host. It waits for its start on standard input, so that all begin together.
WRITE = """
import sys
from pathlib import Path
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import parse_public_key
path, line, hosts = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
file, key = HostKeyFile(path), parse_public_key(line)
print("ready", flush=True)
sys.stdin.readline()
for host in hosts:
    file.accept(host, 22, key.key_type, key.public_key, key.fingerprint_sha256)
    assert any(each.host == host for each in file.listed())
    if host.endswith("gone"):
        assert file.remove(host, 22, key.key_type)
    print(host, flush=True)
"""


def key(seed: int) -> HostKey:
    parts = b"ssh-ed25519", seed.to_bytes(32, "big")
    return HostKey.from_blob(b"".join(len(part).to_bytes(4, "big") + part for part in parts))


def write(path: Path, seed: int, *hosts: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path), key(seed).public_key, *hosts],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()


def assert_whole(path: Path) -> None:
    """Every line is one that was written whole, and the file is this user's alone."""
    text = path.read_text()
    assert text.endswith("\n")
    assert all(known_hosts.parse_line(line) for line in text.splitlines())
    assert path.stat().st_mode & 0o777 == 0o600


def test_fifty_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"# a comment\n@revoked * {key(999).public_key}\n")
    processes = [write(path, number, f"a{number}", f"b{number}-gone") for number in range(WRITERS)]
    for process in processes:
        assert process.stdout
        process.stdout.readline()  # all of them are ready before the first begins
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    reads = 0
    while any(process.poll() is None for process in processes) and reads < 20_000:
        assert path.read_text().startswith("# a comment\n@revoked * ")  # a reader never sees a part
        reads += 1
        time.sleep(0.001)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    listed = {each.host: each.key.blob for each in HostKeyFile(path).listed()}
    assert listed == {f"a{number}": key(number).blob for number in range(WRITERS)}
    assert path.read_text().startswith(f"# a comment\n@revoked * {key(999).public_key}\n")
    assert reads > 10


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_process_killed_while_it_writes_leaves_the_file_whole_and_the_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    chance = random.Random(7)
    answered: set[str] = set()
    for attempt in range(KILLS):
        process = write(path, attempt, *(f"h{attempt}-{number}" for number in range(2000)))
        begin(process)
        assert process.stdout
        answered.add(process.stdout.readline().strip())
        time.sleep(chance.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        answered |= set(process.communicate(timeout=10)[0].split())
        assert process.returncode == -signal.SIGKILL
        assert_whole(path)
        began_at = time.monotonic()
        name = f"after{attempt}"
        HostKeyFile(path).accept(name, 22, "ssh-ed25519", key(1).public_key, key(1).fingerprint_sha256)
        answered.add(name)
        assert time.monotonic() - began_at < 2
    listed = {each.host for each in HostKeyFile(path).listed()}
    assert answered <= listed  # what was confirmed is there
    assert len(listed) - len(answered) <= KILLS  # and at most what was being written in each last moment besides


# One process that is killed when its new content is written and the old file not yet replaced.
DIE = """
import os, signal, sys
from pathlib import Path
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import parse_public_key
key = parse_public_key(sys.argv[2])
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
HostKeyFile(Path(sys.argv[1])).accept("unlucky", 22, key.key_type, key.public_key, key.fingerprint_sha256)
"""


def accept(path: Path, host: str, given: HostKey) -> None:
    HostKeyFile(path).accept(host, 22, given.key_type, given.public_key, given.fingerprint_sha256)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("write_again", ["accept", "remove"])
def test_what_a_killed_process_had_begun_to_write_goes_with_the_next_write(tmp_path: Path, write_again: str) -> None:
    path = tmp_path / "known_hosts"
    accept(path, "lucky", key(1))
    ours = {"known_hosts", "known_hosts.lock"}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", DIE, str(path), key(2).public_key], check=False)
        assert done.returncode == -signal.SIGKILL
        assert len(names(tmp_path) - ours) == 1  # its own, and not the one before
    if write_again == "accept":
        accept(path, "lucky", key(3))
    else:
        assert HostKeyFile(path).remove("lucky", 22, "ssh-ed25519")
    assert names(tmp_path) == ours
    assert [each.host for each in HostKeyFile(path).listed()] == (["lucky"] if write_again == "accept" else [])


def test_no_file_but_those_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    theirs = {
        *(".known_hosts.swp", ".known_hosts.original", ".known_hosts.tmp", "known_hosts.abcdefgh.tmp"),
        *(".known_hosts.abcdefghi.tmp", ".known_hosts.ABCDEFGH.tmp", "x.known_hosts.abcdefgh.tmp"),
        *(".known_hosts.abcdefgh.tmp2", ".connections.json.abcdefgh.tmp", ".known_hosts_abcdefgh.tmp"),
    }
    for name in theirs:
        (tmp_path / name).touch()
    (tmp_path / ".known_hosts.abcdefgh.tmp").mkdir()
    accept(path, "lucky", key(1))
    assert names(tmp_path) == theirs | {"known_hosts", "known_hosts.lock", ".known_hosts.abcdefgh.tmp"}


# One process that may write no byte to any file, as on a full disk.
FULL = """
import resource, sys
from pathlib import Path
from runicorn.errors import KnownHostsFileError
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import parse_public_key
key = parse_public_key(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    HostKeyFile(Path(sys.argv[1])).accept("unlucky", 22, key.key_type, key.public_key, key.fingerprint_sha256)
except KnownHostsFileError as error:
    print(error.detail)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    accept(path, "lucky", key(1))
    before = path.read_text()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), key(2).public_key], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{path} cannot be written: File too large.\n"
    assert path.read_text() == before
    assert names(tmp_path) == {"known_hosts", "known_hosts.lock"}


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_a_key_of_a_host_is_replaced_and_never_doubled(tmp_path: Path) -> None:
    file = HostKeyFile(tmp_path / "known_hosts")
    for seed in range(5):
        given = key(seed)
        file.accept("GPU", 2222, given.key_type, given.public_key, given.fingerprint_sha256)
    assert [(each.host, each.port, each.key) for each in file.listed()] == [("gpu", 2222, key(4))]
    assert base64.b64encode(key(3).blob).decode() not in file.path.read_text()
