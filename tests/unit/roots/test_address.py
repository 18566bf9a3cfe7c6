"""Where runs are, as a person writes it: folders, addresses of hosts, and what scp takes."""

from __future__ import annotations

import pytest

from runicorn.errors import UsageError
from runicorn.roots.address import parse_place, parse_url


@pytest.mark.parametrize(
    ("text", "server", "path", "host"),
    [
        ("ssh://gpu-7/~/data", "ssh://gpu-7", "~/data", "gpu-7"),
        ("ssh://me@gpu-7:2222/data/runs", "ssh://me@gpu-7:2222", "/data/runs", "gpu-7"),
        ("SSH://gpu-7/~", "ssh://gpu-7", "~", "gpu-7"),
        ("ssh://gpu-7/~other/data", "ssh://gpu-7", "~other/data", "gpu-7"),
        ("ssh://gpu-7/", "ssh://gpu-7", "~/runicorn_data", "gpu-7"),
        ("ssh://gpu-7", "ssh://gpu-7", "~/runicorn_data", "gpu-7"),
        ("ssh://[::1]:22/a", "ssh://[::1]:22", "/a", "::1"),
        ("ssh://gpu/my%20runs/50%25", "ssh://gpu", "/my runs/50%", "gpu"),
        ("ssh://a@b@gpu/~/x:y@z", "ssh://a@b@gpu", "~/x:y@z", "gpu"),
    ],
)
def test_addresses_name_a_server_and_a_folder(text: str, server: str, path: str, host: str) -> None:
    for parse in (parse_url, parse_place):
        found = parse(text)
        assert found is not None
        assert (found.server, found.path, found.host, found.text) == (server, path, host, text)


@pytest.mark.parametrize(
    ("text", "server", "path"),
    [
        ("gpu-7:~/data", "gpu-7", "~/data"),
        ("me@gpu-7:/data", "me@gpu-7", "/data"),
        ("gpu-7:data/run s", "gpu-7", "~/data/run s"),
        ("gpu-7:", "gpu-7", "~/runicorn_data"),
        ("me@[::1]:/data", "me@[::1]", "/data"),
        ("gpu:a:b", "gpu", "~/a:b"),
    ],
)
def test_what_scp_takes_is_taken_in_a_terminal_only(text: str, server: str, path: str) -> None:
    found = parse_place(text)
    assert found is not None
    assert (found.server, found.path) == (server, path)
    assert parse_url(text) is None


@pytest.mark.parametrize(
    "text", ["data", "./gpu:data", "/data/a:b", "~/a:b", r"C:\runs", "C:/runs", "C:", "", r"a\b:c"]
)
def test_folders_of_this_machine_stay_folders(text: str) -> None:
    assert parse_place(text) is None


@pytest.mark.parametrize(("text", "said"), [("gpu-7:2222", "names a port"), ("ssh:///data", "the host is missing")])
def test_what_is_no_place_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_place(text)
    assert "ssh://" in caught.value.hint
