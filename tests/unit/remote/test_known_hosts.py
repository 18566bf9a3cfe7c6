"""The known_hosts format and the verdict."""

import base64
import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import InvalidHostKeyError
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import HostKey, Verdict

HOST = "[127.0.0.1]:2323"


def key(kind: str, seed: int) -> HostKey:
    name = kind.encode()
    return HostKey.from_blob(len(name).to_bytes(4, "big") + name + (4).to_bytes(4, "big") + seed.to_bytes(4, "big"))


ED, ED2, RSA, ECDSA = key("ssh-ed25519", 1), key("ssh-ed25519", 2), key("ssh-rsa", 3), key("ecdsa-sha2-nistp256", 4)


def line(stored: HostKey, host: str = HOST, marker: str = "") -> str:
    return f"{marker + ' ' if marker else ''}{host} {stored.public_key}\n"


def hashed(host: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, host.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


CASES = [
    ("right key", line(ED), ED, Verdict.OK),
    ("wrong key of the type", line(ED2), ED, Verdict.CHANGED),
    ("wrong ed25519, right rsa; rsa offered", line(ED2) + line(RSA), RSA, Verdict.OK),
    ("wrong ed25519, right rsa; ed25519 offered", line(ED2) + line(RSA), ED, Verdict.CHANGED),
    ("two of a type, wrong first", line(ED2) + line(ED), ED, Verdict.OK),
    ("two of a type, right first", line(ED) + line(ED2), ED, Verdict.OK),
    ("only another type", line(ECDSA), ED, Verdict.CHANGED),
    ("empty file", "", ED, Verdict.UNKNOWN),
    ("right key under the name without port", line(ED, "127.0.0.1"), ED, Verdict.UNKNOWN),
    ("hashed name", line(ED, hashed(HOST)), ED, Verdict.OK),
    ("hashed name without port", line(ED, hashed("127.0.0.1")), ED, Verdict.UNKNOWN),
    ("pattern", line(ED, "[127.0.0.*]:2323"), ED, Verdict.OK),
    ("negated pattern", line(ED, f"[127.0.0.*]:2323,!{HOST}"), ED, Verdict.UNKNOWN),
    ("revoked and stored", line(ED, marker="@revoked") + line(ED), ED, Verdict.REVOKED),
    ("revoked everywhere", line(ED, "*", "@revoked") + line(RSA), ED, Verdict.REVOKED),
    ("another key revoked", line(ED2, "*", "@revoked") + line(RSA), RSA, Verdict.OK),
    ("certificate authority only", line(ED, marker="@cert-authority"), ED, Verdict.UNKNOWN),
    ("type word that is no key type", f"{HOST} rsa-sha2-256 {RSA.base64}\n", RSA, Verdict.UNKNOWN),
    ("other host's key", line(ED, "[10.0.0.1]:2323"), ED, Verdict.UNKNOWN),
    ("upper case name in the file", line(ED, "[LOCALHOST]:2323"), ED, Verdict.UNKNOWN),
    ("garbage before", f"{HOST} ssh-ed25519 !!!\n" + line(ED), ED, Verdict.OK),
    ("two fields before", f"{HOST} ssh-ed25519\n" + line(ED), ED, Verdict.OK),
    ("two blanks between fields", f"{HOST}  ssh-ed25519  {ED.base64}\n", ED, Verdict.OK),
    ("unknown marker before", "@foo " + line(ED2) + line(ED), ED, Verdict.OK),
    ("CRLF, no newline at the end", f"# c\r\n{HOST} {ED.public_key}", ED, Verdict.OK),
    ("comment at the end", f"{HOST} {ED.public_key} me@laptop\n", ED, Verdict.OK),
]


@pytest.mark.parametrize(("text", "offered", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_verdict(text: str, offered: HostKey, expected: Verdict) -> None:
    assert known_hosts.judge(known_hosts.parse(text), HOST, offered).verdict is expected


def test_changed_shows_the_expected_key_of_the_same_type_only() -> None:
    decision = known_hosts.judge(known_hosts.parse(line(RSA) + line(ED2)), HOST, ED)
    assert decision.expected_for(ED) == ED2
    assert known_hosts.judge(known_hosts.parse(line(RSA)), HOST, ED).expected_for(ED) is None


def test_only_stored_types_are_asked_for_in_one_fixed_order() -> None:
    entries = known_hosts.parse(line(RSA) + line(ED) + line(ECDSA, "[other]:1"))
    assert known_hosts.algorithms(known_hosts.stored_types(entries, HOST)) == (
        "ssh-ed25519",
        "rsa-sha2-512",
        "rsa-sha2-256",
    )


def test_adding_replaces_the_hosts_key_of_that_type_and_keeps_every_other_line() -> None:
    text = "# mine\n" + line(ED2) + line(RSA) + line(ED2, "[other]:1") + line(ED2, marker="@revoked")
    changed = known_hosts.add(text, HOST, ED)
    assert changed == "# mine\n" + line(RSA) + line(ED2, "[other]:1") + line(ED2, marker="@revoked") + line(ED)


def test_removing_tells_whether_there_was_anything() -> None:
    text = line(ED) + line(RSA)
    assert known_hosts.remove(text, HOST, "ssh-ed25519") == (line(RSA), True)
    assert known_hosts.remove(text, HOST, "ecdsa-sha2-nistp256") == (text, False)
    assert known_hosts.remove(line(ED, "[127.0.0.*]:2323"), HOST, "ssh-ed25519")[1] is False


def test_added_keys_survive_parsing() -> None:
    entries = known_hosts.parse(known_hosts.add("", HOST, ED))
    assert [(entry.names, entry.key) for entry in entries] == [(HOST, ED)]


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", f"ssh-rsa {ED.base64}", f"{ED.public_key} x", f"{ED.public_key}\n"]
)
def test_public_keys_that_do_not_hold_together_are_refused(text: str) -> None:
    with pytest.raises(InvalidHostKeyError):
        known_hosts.parse_public_key(text)


@given(st.text(), st.text())
def test_any_file_gives_entries_and_any_name_a_verdict(text: str, name: str) -> None:
    entries = known_hosts.parse(text)
    assert known_hosts.judge(entries, name, ED).verdict in (Verdict.UNKNOWN, Verdict.OK, Verdict.CHANGED)


@given(st.binary())
def test_any_blob_is_a_key_or_our_error(blob: bytes) -> None:
    with contextlib.suppress(InvalidHostKeyError):
        assert HostKey.from_blob(blob).blob == blob
