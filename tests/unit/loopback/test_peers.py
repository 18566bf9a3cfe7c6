"""Which user made a loopback connection."""

import contextlib
import ipaddress
import os
import socket
import struct
import sys

import pytest

from runicorn.loopback import peers, proc_tables, sock_diag
from runicorn.loopback.endpoints import Endpoint
from runicorn.loopback.sock_diag import CLOSE_WAIT, ESTABLISHED, FIN_WAIT2, SocketFacts

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")
LOOKS = [pytest.param(sock_diag.look, id="sock_diag"), pytest.param(proc_tables.look, id="proc")]
ADDRESSES = [
    (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
    (socket.AF_INET, "127.0.0.1", "127.7.7.7"),
    (socket.AF_INET6, "::1", "::1"),
]
SYN_SENT, TIME_WAIT, LISTEN = 2, 6, 10


@contextlib.contextmanager
def connected(family=socket.AF_INET, host="127.0.0.1", source=None):
    """Give both ends of a connection, ours first."""
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2], timeout=5, source_address=source and (source, 0)) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            yield accepted, client


def ends(accepted):
    return Endpoint.of(accepted.getpeername()), Endpoint.of(accepted.getsockname())


@on_linux
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("family", "host", "source"), ADDRESSES)
def test_the_other_end_is_found_whatever_its_address(look, family, host, source):
    with connected(family, host, source) as (accepted, client):
        assert look(*ends(accepted)) == SocketFacts(ESTABLISHED, os.geteuid(), os.fstat(client.fileno()).st_ino)


@on_linux
@pytest.mark.parametrize("look", LOOKS)
def test_an_ipv4_connection_made_by_an_ipv6_socket_is_found(look):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            assert look(*ends(accepted)).inode == os.fstat(client.fileno()).st_ino


@on_linux
@pytest.mark.parametrize("look", LOOKS)
def test_both_ends_of_a_dual_socket_are_ipv4(look):
    with (
        socket.create_server(("::ffff:127.0.0.1", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server,
        socket.create_connection(("127.0.0.1", server.getsockname()[1])) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            assert accepted.getpeername()[0] == "::ffff:127.0.0.1"
            assert look(*ends(accepted)).inode == os.fstat(client.fileno()).st_ino


@on_linux
@pytest.mark.parametrize("look", LOOKS)
def test_a_socket_that_was_closed_is_nobodys(look):
    with connected() as (accepted, client):
        client.close()
        found = look(*ends(accepted))
        assert found is None or found.inode == 0
        assert peers.stranger(accepted) is not None


@on_linux
@pytest.mark.parametrize("look", LOOKS)
def test_who_listens_on_a_port_is_not_taken_for_who_connected_from_it(look):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = Endpoint.of(listener.getsockname())
        assert look(here, Endpoint.of(("127.0.0.1", 1))) is None


@on_linux
def test_a_connection_of_this_user_is_let_in():
    with connected() as (accepted, _):
        assert peers.stranger(accepted) is None
    with connected(socket.AF_INET6, "::1") as (accepted, _):
        assert peers.stranger(accepted) is None


def reset_and_taken(server):
    """Reset a connection that was made, and return its port with a socket of the owner's that has it now."""
    while True:
        with socket.create_connection(server.getsockname()) as client:
            client.sendall(b"DELETE /api/runs/x HTTP/1.1\r\n\r\n")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            port = client.getsockname()[1]
        owner = socket.socket()
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            owner.bind(("127.0.0.1", port))
        except OSError:  # another program has just been given that port
            owner.close()
            server.accept()[0].close()
        else:
            return port, owner


@on_linux
def test_one_that_was_reset_before_it_was_accepted_is_refused_with_what_it_sent():
    """Its four numbers are free again, and may belong to the owner when they are looked at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, taken = reset_and_taken(server)
        with taken as owner:
            owner.connect(server.getsockname())
            first, name = server.accept()
            second, _ = server.accept()
            with first, second:
                assert name[1] == port
                assert sock_diag.look(Endpoint.of(name), Endpoint.of(server.getsockname())).uid == os.getuid()
                assert peers.stranger(first) is not None
                assert peers.stranger(second) is None


@pytest.mark.parametrize("state", [SYN_SENT, TIME_WAIT, CLOSE_WAIT, LISTEN, 0])
def test_a_socket_in_another_state_is_none_that_we_accepted(state):
    assert peers.judge(SocketFacts(state, 1000, 7), 1000, connected=lambda: True) is not None


def test_a_client_that_has_said_all_is_still_served():
    assert peers.judge(SocketFacts(FIN_WAIT2, 1000, 7), 1000, connected=lambda: True) is None


@pytest.mark.parametrize("facts", [None, SocketFacts(ESTABLISHED, 1000, 0), SocketFacts(ESTABLISHED, 1001, 7)])
def test_nobody_and_somebody_else_are_refused(facts):
    assert peers.judge(facts, 1000, connected=lambda: True).code == "OTHER_USER"


@on_linux
def test_what_cannot_be_looked_up_is_refused(monkeypatch):
    def fails(*_):
        raise OSError("no such thing here")

    monkeypatch.setattr(sock_diag, "look", fails)
    with connected() as (accepted, _):
        assert peers.stranger(accepted).code == "OTHER_USER"


@on_linux
def test_without_sock_diag_the_tables_are_read(monkeypatch):
    monkeypatch.setattr(sock_diag, "available", lambda: False)
    with connected() as (accepted, _):
        assert peers.stranger(accepted) is None
    monkeypatch.setattr(proc_tables, "_TABLES", ())
    with connected() as (accepted, _):
        assert peers.stranger(accepted) is not None


@on_linux
def test_sock_diag_is_there_where_these_tests_run():
    assert sock_diag.available()


V4 = Endpoint.of(("127.0.0.1", 50000)), Endpoint.of(("127.0.0.1", 23300))
V6 = Endpoint.of(("::1", 50000, 0, 0)), Endpoint.of(("::1", 23300, 0, 0))
HEAD = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = b"   1: %b:C350 %b:5B04 01 00000000:00000000 00:00000000 00000000  1001        0 222 1 0 20\n"
LITTLE, BIG = b"0100007F", b"7F000001"
MAPPED = b"0000000000000000FFFF00000100007F"
LOOPBACK6 = b"00000000000000000000000001000000"


@pytest.mark.parametrize(
    ("ends", "word", "byteorder"),
    [(V4, LITTLE, "little"), (V4, BIG, "big"), (V4, MAPPED, "little"), (V6, LOOPBACK6, "little")],
)
def test_a_row_of_the_tables_is_found_in_either_byte_order(ends, word, byteorder):
    tables = [HEAD, HEAD + ROW % (word, word)]
    assert proc_tables.find(tables, *ends, byteorder) == SocketFacts(1, 1001, 222)


@pytest.mark.parametrize("table", [b"", b"garbage", HEAD, HEAD + ROW[:40], HEAD + ROW % (LITTLE, BIG)])
def test_a_table_without_the_row_tells_nothing(table):
    assert proc_tables.find([table], *V4, "little") is None


@pytest.mark.parametrize("answer", [b"", b"x" * 15, bytes(16), bytes(200), struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -2)])
def test_an_answer_that_makes_no_sense_tells_nothing(answer):
    assert sock_diag.parse(answer, *V4) is None


def test_an_answer_about_another_socket_tells_nothing():
    def answer(local, remote):
        sockid = struct.pack("!HH16s16s", local.port, remote.port, local.address.packed, remote.address.packed)
        head = struct.pack("=IHHII", 88, 20, 0, 1, 0) + struct.pack("=BBBB", socket.AF_INET, 1, 0, 0)
        return head + sockid + bytes(12) + struct.pack("=IIIII", 0, 0, 0, 1001, 222)

    assert sock_diag.parse(answer(*V4), *V4) == SocketFacts(1, 1001, 222)
    assert sock_diag.parse(answer(V4[1], V4[0]), *V4) is None


@pytest.mark.parametrize("name", ["", "/run/socket", None, ("nowhere", 1), ("127.0.0.1",)])
def test_what_is_no_end_of_a_tcp_connection_is_told(name):
    with pytest.raises(ValueError):
        Endpoint.of(name)


def test_an_address_with_a_zone_is_read():
    assert Endpoint.of(("fe80::1%lo", 5, 0, 1)).address == ipaddress.ip_address("fe80::1")
