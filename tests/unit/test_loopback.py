"""Which user made a loopback connection."""

import os
import socket
import sys

import pytest

from runicorn.errors import OtherUserError
from runicorn.loopback import Endpoint, find_uid, other_user, parse_rows, peer_uid

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
# Port 0x5B04 = 23300 is served; the client has port 0xC350 = 50000.
SERVED = "   0: 0100007F:5B04 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 20\n"
CLIENT = "   1: 0100007F:C350 0100007F:5B04 01 00000000:00000000 00:00000000 00000000  1001        0 222 1 0 20\n"
MAPPED = (
    "   0: 0000000000000000FFFF00000100007F:C350 0000000000000000FFFF00000100007F:5B04 01 00000000:00000000 "
    "00:00000000 00000000  1002        0 333 1 0 20\n"
)
V6 = (
    "   0: 00000000000000000000000001000000:C350 00000000000000000000000001000000:5B04 01 00000000:00000000 "
    "00:00000000 00000000  1003        0 444 1 0 20\n"
)

OURS, THEIRS = Endpoint.of(("127.0.0.1", 23300)), Endpoint.of(("127.0.0.1", 50000))


def test_the_user_is_that_of_the_clients_own_socket():
    assert find_uid([HEADER + SERVED + CLIENT], OURS, THEIRS) == 1001


def test_an_ipv4_address_within_ipv6_is_found():
    assert find_uid([HEADER, HEADER + MAPPED], OURS, THEIRS) == 1002


def test_an_ipv6_address_is_found():
    ours, theirs = Endpoint.of(("::1", 23300, 0, 0)), Endpoint.of(("::1", 50000, 0, 0))
    assert find_uid([HEADER + V6], ours, theirs) == 1003


def test_a_connection_that_is_not_listed_has_no_user():
    assert find_uid([HEADER + SERVED], OURS, THEIRS) is None


def test_a_socket_that_was_closed_has_no_user():
    closed = CLIENT.replace(" 1001        0 222", "    0        0 0")
    assert find_uid([HEADER + closed], OURS, THEIRS) is None


def test_big_endian_machines_write_addresses_the_other_way_round():
    line = CLIENT.replace("0100007F", "7F000001")
    (row,) = parse_rows(line, "big")
    assert row.local == THEIRS


@pytest.mark.parametrize("text", ["", "garbage", HEADER, "0: x:y z:w 01 0 0 0 0 0 0", "   0: 01:1 01:1 1 1 1 1 1 1 1"])
def test_garbage_holds_no_rows(text):
    assert list(parse_rows(text)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/net/tcp")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_real_connection_of_this_user_is_recognised(family, host):
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2], timeout=5),
    ):
        accepted, _ = server.accept()
        with accepted:
            names = accepted.getsockname(), accepted.getpeername()
            assert peer_uid(*names) == os.getuid()
            assert other_user(*names) is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/net/tcp")
def test_a_connection_that_nobody_holds_is_refused():
    with pytest.raises(OtherUserError):
        peer_uid(("127.0.0.1", 1), ("127.0.0.1", 2))
    assert other_user(("127.0.0.1", 1), ("127.0.0.1", 2)) is not None


def test_a_connection_from_elsewhere_is_not_asked_about():
    assert peer_uid(("192.0.2.1", 80), ("192.0.2.2", 5000)) is None


def test_another_user_is_refused():
    assert other_user(("a", 1), ("b", 2), lookup=lambda *_: os.getuid() + 1).code == "OTHER_USER"
