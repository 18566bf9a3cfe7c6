"""Listening on loopback: `localhost` is never somebody else's."""

import contextlib
import errno
import socket

import pytest

from runicorn.errors import PortInUseError, UsageError
from runicorn.loopback import listening as listening_module
from runicorn.loopback.listening import has_ipv6_loopback, listen

needs_ipv6 = pytest.mark.skipif(not has_ipv6_loopback(), reason="needs ::1")


@contextlib.contextmanager
def listening(host, port=0):
    sockets = listen(host, port)
    try:
        yield [sock.getsockname()[:2] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


@needs_ipv6
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_both_families_have_the_same_port(host):
    with listening(host) as names:
        assert {name[0] for name in names} == {"127.0.0.1", "::1"}
        assert len({name[1] for name in names}) == 1


@needs_ipv6
def test_listening_on_all_of_ipv4_takes_the_ipv6_loopback_as_well(monkeypatch):
    real, asked = listening_module._bind, []

    def bind(host, port):  # nothing that tests make listens to a network
        asked.append(host)
        return real("127.0.0.1" if host == "0.0.0.0" else host, port)

    monkeypatch.setattr(listening_module, "_bind", bind)
    with listening("0.0.0.0"):
        assert asked == ["0.0.0.0", "::1"]


@needs_ipv6
@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_a_port_that_somebody_has_in_one_family_is_not_used(taken):
    family = socket.AF_INET6 if ":" in taken else socket.AF_INET
    with socket.create_server((taken, 0), family=family) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=str(port)):
            listen("127.0.0.1", port)
    with listening("127.0.0.1", port) as names:  # and nothing of the attempt is left
        assert names[0] == ("127.0.0.1", port)


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch):
    monkeypatch.setattr(socket, "has_ipv6", False)
    with listening("127.0.0.1") as names:
        assert [name[0] for name in names] == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.77", "a b", "x" * 300])
def test_a_host_that_is_none_of_this_machine_is_told(host):
    with pytest.raises(UsageError):
        listen(host, 0)


def test_a_port_that_may_not_be_used_is_told(monkeypatch):
    def refuse(self, address):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortInUseError, match="may not be used"):
        listen("127.0.0.1", 80)
