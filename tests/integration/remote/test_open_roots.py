"""rn.open_root() of several places, on hosts and here, is one list; a place that is down costs its own runs only."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.accounts import Account
from tests.support.link import Link, run_link
from tests.support.opened_roots import ONLY_SFTP, known, record, url, without_ssh_of_ones_own
from tests.support.server import Server, run_server
from tests.support.waiting import eventually

import runicorn as rn
from runicorn.errors import (
    AmbiguousRunError,
    ConnectError,
    InvalidQueryError,
    RunNotFoundError,
    UsageError,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_ssh_of_ones_own(tmp_path / "me", monkeypatch)


@pytest.fixture
def server(bare: Server, home: Path) -> Server:
    known(bare, home)
    return bare


@pytest.fixture
def link(server: Server, home: Path) -> Iterator[Link]:
    with run_link(server.sshd.port) as running:
        known(server, home, running.port)
        yield running


def test_several_roots_are_one_list(server: Server, bare_account: Account, tmp_path: Path, home: Path) -> None:
    pytest.importorskip("polars")
    record(server, 2)
    (tmp_path / "other").mkdir()
    with run_server(bare_account, tmp_path / "other", options=ONLY_SFTP) as other:
        known(other, home)
        record(other, 2)
        with rn.init("here", name="local", root=tmp_path / "root", config={"lr": 0.5}) as run:
            run.log({"loss": 1.0})
        both = [url(server), url(other), str(tmp_path / "root")]
        key = both_keys(server, other)
        with rn.open_root(both, key=key) as roots:
            assert roots.failed == {}
            runs = roots.runs()
            assert [run.name for run in runs if run.name != "exp"] == ["local", "run1", "run0", "run1", "run0"]
            assert len({roots.address_of(run) for run in runs}) == len(runs) == 7
            for run in runs:
                assert roots.run(roots.address_of(run)).series(next(iter(run.metrics))).value.size
            table = roots.to_pandas("config.lr > 0")
            assert list(table.columns[:3]) == ["address", "host", "place"]
            assert table["place"].value_counts().to_dict() == {both[0]: 2, both[1]: 2, both[2]: 1}
            assert set(table["host"][table["place"] != both[2]]) == {"127.0.0.1"}
            assert roots.to_polars("config.lr > 0").to_dicts()[0]["name"] == "local"
            assert roots.run("local").name == "local"
            with pytest.raises(AmbiguousRunError, match="2 runs are called 'run0'"):
                roots.run("run0")
            with pytest.raises(RunNotFoundError):
                roots.run("nobody")
            with pytest.raises(InvalidQueryError):
                roots.runs("config.lr <")
            with pytest.raises(UsageError, match="is no state"):
                roots.runs(state="sleeping")


def both_keys(server: Server, other: Server) -> str:
    """Have the first one's key accepted by the other, too; return it."""
    other.sshd.authorize(other.account.username, server.key.with_suffix(".pub"))
    return str(server.key)


def test_a_host_that_is_down_costs_its_own_runs_only(server: Server, link: Link, tmp_path: Path) -> None:
    record(server, 2)
    with rn.init(name="local", root=tmp_path / "root") as run:
        run.log({"loss": 1.0})
    link.down()
    far, near = url(server, port=link.port), str(tmp_path / "root")
    with pytest.warns(UserWarning, match=r"is left out: .*\(CONNECTION_REFUSED\)"):
        roots = rn.open_root([far, near], key=str(server.key))
    with roots:
        assert list(roots.failed) == [far]
        assert [run.name for run in roots.runs()] == ["local"]
    with pytest.raises(ConnectError):
        rn.open_root([far, far], key=str(server.key))
    link.accept()
    with rn.open_root([far, near], key=str(server.key)) as roots:
        assert len(roots.runs()) == 4
        link.down()

        def warned() -> bool:
            with warnings.catch_warnings(record=True) as told:
                names = [run.name for run in roots.runs()]
            assert names == ["local"] or not told
            return any("is left out" in str(warning.message) for warning in told)

        eventually(warned)
        assert list(roots.failed) == [far]
        link.accept()
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            assert len(roots.runs()) == 4
        assert roots.failed == {}


def test_a_root_that_is_reached_by_two_ways_is_shown_once(server: Server, link: Link) -> None:
    record(server, 2)
    with rn.open_root([url(server), url(server, port=link.port), str(server.runs)], key=str(server.key)) as roots:
        assert sorted(run.name for run in roots.runs()) == ["exp", "run0", "run1"]
        assert {roots.place_of(run) for run in roots.runs()} == {url(server)}
