"""What a name means to us is what it means to `ssh` itself: where it goes, as whom, with which keys, through whom."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.accounts import make_account
from tests.support.sshd import Sshd, find_sshd, run_sshd

from runicorn.remote.names.asking import SshAsker, this_machine
from runicorn.remote.names.typed import parse_typed
from runicorn.remote.names.way import Way, find_way

TIMEOUT_SECS = 20

# {port}: of a real server on 127.0.0.1. {dir}: the folder of the config. What is typed is `gpu`, unless it says more.
DIRECT = {
    "a name and a port": "Host gpu\n HostName 127.0.0.1\n Port {port}\n",
    "equals signs": "Host=gpu\nHostName=127.0.0.1\nPort = {port}\n",
    "tabs and case": "hOST gpu\n\tHOSTNAME\t127.0.0.1\n\tpOrT {port}\n",
    "comments and quotes": '# a comment\nHost "gpu" # one more\n HostName "127.0.0.1"\n Port {port} # and here\n',
    "the first word stands": "Host gpu\n Port {port}\nHost *\n Port 1\n HostName 127.0.0.1\n",
    "a user": "Host gpu\n User alice\n HostName 127.0.0.1\n Port {port}\n",
    "a user over a pattern": "Host g*\n User alice\nHost gpu\n User bob\n HostName 127.0.0.1\n Port {port}\n",
    "not this one": "Host * !gpu\n HostName 192.0.2.1\nHost gpu\n HostName 127.0.0.1\n Port {port}\n",
    "a question mark": "Host g?u\n HostName 127.0.0.1\n Port {port}\n",
    "several names": "Host cpu gpu tpu\n HostName 127.0.0.1\n Port {port}\n",
    "a token in HostName": "Host 127.0.0.1\n Port {port}\n HostName %h\n",
    "an address that is built": "Host 1\n HostName 127.0.0.%h\n Port {port}\n",
    "Include": "Include {dir}/more\n",
    "Include by a pattern, sorted": "Include {dir}/parts/*\n",
    "Include in a block": "Host gpu\n Include {dir}/block\n",
    "Match host": "Match host gpu\n HostName 127.0.0.1\n Port {port}\n",
    "Match originalhost": "Host gpu\n HostName 127.0.0.1\nMatch originalhost gpu\n Port {port}\n User carol\n",
    "Match user": "Host gpu\n User dave\n HostName 127.0.0.1\nMatch user dave\n Port {port}\n",
    "Match exec": 'Match exec "test %n = gpu"\n HostName 127.0.0.1\n Port {port}\n',
    "Match exec that says no": 'Match exec "false"\n Port 1\nHost gpu\n HostName 127.0.0.1\n Port {port}\n',
    "Match final": "Host gpu\n HostName 127.0.0.1\nMatch final host 127.0.0.1\n Port {port}\n",
    "Match localuser": "Match localuser nobody-of-that-name\n Port 1\nHost gpu\n HostName 127.0.0.1\n Port {port}\n",
    "identities": "Host gpu\n HostName 127.0.0.1\n Port {port}\n"
    " IdentityFile {dir}/one\n IdentityFile {dir}/two_%h_%r\n",
    "identities of all": "IdentityFile {dir}/all\nHost gpu\n HostName 127.0.0.1\n Port {port}\n"
    " IdentityFile {dir}/mine\n",
    "identities by environment": "Host gpu\n HostName 127.0.0.1\n Port {port}\n IdentityFile ${{KEYS}}/%n\n",
    "identities at home": "Host gpu\n HostName 127.0.0.1\n Port {port}\n IdentityFile ~/.ssh/id_%p_%u_%i\n",
    "a host key alias": "Host gpu\n HostName 127.0.0.1\n Port {port}\n HostKeyAlias cluster\n",
    "canonical": "CanonicalizeHostname yes\nCanonicalDomains invalid\nHost gpu\n HostName 127.0.0.1\n Port {port}\n",
}
JUMPS = {
    "one jump": "Host gpu\n HostName gpu.in\n ProxyJump login\n",
    "a jump with all": "Host gpu\n HostName gpu.in\n Port 2200\n ProxyJump bob@login.lab:2222\n",
    "a jump as an address": "Host gpu\n ProxyJump ssh://bob@login.lab:2222\n",
    "a list": "Host gpu\n ProxyJump a,bob@b:22,c\n",
    "a jump for all but itself": "Host * !login\n ProxyJump login\n",
    "none over a pattern": "Host gpu\n ProxyJump none\n HostName 127.0.0.1\n Port {port}\nHost *\n ProxyJump login\n",
    "a command before a jump": "Host gpu\n ProxyCommand nc %h %p %r %n %%\n ProxyJump login\n",
    "a command": "Host gpu\n HostName gpu.in\n Port 2200\n User alice\n ProxyCommand nc -X 5 %h %p as %r for %n\n",
}


@dataclass
class Said:
    """What `ssh -v` told."""

    text: str

    def one(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, self.text, re.MULTILINE)


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    if not find_sshd():
        pytest.skip("needs sshd: apt-get install openssh-server")
    with make_account(), run_sshd() as running:
        yield running


def write(folder: Path, text: str, port: int) -> Path:
    (folder / "parts").mkdir()
    block = f"HostName 127.0.0.1\nPort {port}\n"
    (folder / "more").write_text(f"Host gpu\n{block}User included\n")
    (folder / "block").write_text(block)
    (folder / "parts" / "2").write_text("Host gpu\n Port 1\n")
    (folder / "parts" / "1").write_text(f"Host gpu\n{block}")
    config = folder / "config"
    config.write_text(text.format(port=port, dir=folder))
    return config


def ask_ssh(config: Path, name: str) -> Said:
    """Let `ssh` itself go there, with nothing that would log it in anywhere."""
    command = ["ssh", "-v", "-F", str(config), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
    command += ["-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5", "--", name, "true"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_SECS, check=False, stdin=subprocess.DEVNULL
    )
    return Said(done.stderr)


def way_of(config: Path, name: str) -> Way:
    return find_way(parse_typed(name), SshAsker("ssh", this_machine(Path.home()), str(config)))


@pytest.mark.parametrize("case", DIRECT)
def test_it_goes_where_ssh_goes(case: str, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", str(tmp_path / "keys"))
    name = {"a token in HostName": "127.0.0.1", "an address that is built": "1"}.get(case, "gpu")
    config = write(tmp_path, DIRECT[case], sshd.port)
    said, way = ask_ssh(config, name), way_of(config, name)
    connecting = said.one(r"Connecting to (\S+) \[[^\]]*\] port (\d+)\.")
    assert connecting, said.text
    assert (way.last.target.host, way.last.target.port) == (connecting[1], int(connecting[2]))
    as_whom = said.one(r"Authenticating to \S+ as '([^']*)'")
    assert as_whom, said.text
    assert way.last.target.username == as_whom[1]
    identities = re.findall(r"identity file (\S+) type", said.text)
    assert list(way.last.identities) == [each for each in identities if not each.endswith("-cert")]
    alias = said.one(r"using hostkeyalias: (\S+)")
    assert way.last.known_as.known_hosts_host == (alias[1] if alias else f"[127.0.0.1]:{sshd.port}")
    assert way.is_direct


@pytest.mark.parametrize("case", JUMPS)
def test_it_goes_through_whom_ssh_goes(case: str, sshd: Sshd, tmp_path: Path) -> None:
    config = write(tmp_path, JUMPS[case], sshd.port)
    said, way = ask_ssh(config, "gpu"), way_of(config, "gpu")
    executing = said.one(r"Executing proxy command: exec (.*)$")
    if executing is None:
        assert way.is_direct
        return
    words = shlex.split(executing[1])
    if Path(words[0]).name != "ssh":
        assert way.hops[0].proxy_command == executing[1]
        return
    # `ssh [-l user] [-p port] [-J before] -W '[host]:port' jump`: its last jump, and what it hands on to that.
    options = dict(itertools.pairwise(words))
    jump = way.hops[-2]
    assert words[-1] in (jump.name, jump.target.host)
    assert options["-W"] == f"[{way.last.target.host}]:{way.last.target.port}"
    if "-l" in options:
        assert options["-l"] == jump.target.username
    if "-p" in options:
        assert int(options["-p"]) == jump.target.port
    before = options.get("-J", "").split(",") if "-J" in options else []
    assert [hop.name for hop in way.hops[:-2]] == [parse_typed(each).host for each in before]
