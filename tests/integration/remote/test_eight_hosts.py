"""Eight hosts with a thousand runs each as one list: right whatever is asked for and whatever changes meanwhile, and as
quick as the ones that answer.
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.accounts import Account, make_account
from tests.support.clocks import Clock, own_clock
from tests.support.growing_runs import growing_run, recorded
from tests.support.link import Link, run_link
from tests.support.opened_roots import ONLY_SFTP
from tests.support.remote import accept, connect, login_by, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually

from runicorn.storage import layout
from runicorn.storage.writer import prepare_root

pytestmark = pytest.mark.timeout(300)
HOSTS, RUNS = 8, 1000
WILD = "gpu-5"  # whose clock jumps; an agent reads it
COMES_SECS = 60
# What a list waits for at most, and what else an answer with 8,000 runs takes on a busy machine.
DEADLINE_SECS, ANSWER_SECS = 1.5, 3.0
CREATED_AT = 1_700_000_000.0
STATES = ("finished", "failed", "running")


@dataclass
class Host:
    """A server behind a link of its own. rows: what lies there, by run id, as the list is to show it. clock: what its
    programs take for the time, where that can be set.
    """

    name: str
    mode: str
    server: Server
    link: Link
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    clock: Clock | None = None

    def add(self, number: int, state: str, random: Random) -> str:
        """Record a run, its folder last, as it would come there whole."""
        run_id = f"20261120-{number:06d}-{int(self.name[-1]):06x}"
        row = {
            "name": f"resnet50-lr{number % 5}-s{random.randrange(100)}",
            "created_at": CREATED_AT + random.randrange(500),
            "state": state,
            "config.lr": random.choice([0.1, 0.01, 0.001]),
            "config.seed": random.choice([None, 0, 1, 2, 3]),
            "summary.loss": None if random.random() < 0.1 else round(random.random(), 2),
            "host": self.name,
        }
        config = {"lr": row["config.lr"]} | ({} if row["config.seed"] is None else {"seed": row["config.seed"]})
        info = {"name": row["name"], "created_at": layout.iso(row["created_at"]), "config": config}
        folder = self.server.runs / layout.run_path(run_id)
        draft = folder.with_name(f".{run_id}")
        draft.mkdir(parents=True)
        (draft / layout.RUN_FILE).write_text(json.dumps(info))
        (draft / layout.STATUS_FILE).write_text(self._status(row))
        draft.rename(folder)
        self.rows[run_id] = row
        return run_id

    def end(self, run_id: str) -> None:
        """Have a run end."""
        path = self.server.runs / layout.run_path(run_id, layout.STATUS_FILE)
        row = {**self.rows[run_id], "state": "finished"}
        draft = path.with_name("status.draft")
        draft.write_text(self._status(row))
        draft.replace(path)
        self.rows[run_id] = row

    @staticmethod
    def _status(row: dict[str, Any]) -> str:
        summary = {} if row["summary.loss"] is None else {"loss": row["summary.loss"]}
        # Far ahead, so that none of them is taken for dead while the test goes on.
        beat = {"heartbeat_at": layout.iso(time.time() + 3600)} if row["state"] == "running" else {}
        return json.dumps({"state": row["state"], "summary": summary, **beat})


@dataclass(repr=False)
class Lab:
    viewer: Viewer
    hosts: dict[str, Host]
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def listed(self, **params: Any) -> dict[str, Any]:
        answer = self.viewer.get("/api/runs", **params)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def pages(self, limit: int, most: int, between: Callable[[], None] = lambda: None, **params: Any) -> list[Any]:
        """Return the rows of the first pages, `most` rows at least where there are so many."""
        found: list[Any] = []
        cursor: dict[str, Any] = {}
        while True:
            body = self.listed(limit=limit, **params, **cursor)
            found += body["runs"]
            if body["next_cursor"] is None or len(found) >= most:
                return found
            cursor = {"cursor": body["next_cursor"]}
            between()

    def sources(self) -> dict[str, dict[str, Any]]:
        return {each["host"]: each for each in self.listed(limit=1)["sources"]}

    def start_all(self) -> None:
        def begin(host: Host) -> None:
            self.sessions[host.name] = start(self.viewer, login_by(host.server, host.link) | {"mode": host.mode})

        with ThreadPoolExecutor(HOSTS) as pool:
            list(pool.map(begin, self.hosts.values()))

    def all_there(self) -> bool:
        body = self.listed(limit=1)
        return body["total"] == sum(len(host.rows) for host in self.hosts.values()) and body["indexing"] is None


@pytest.fixture(scope="module")
def lab(server_account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Eight servers with an account each: on the first one a viewer is installed, of the others every third allows SFTP
    alone. All are connected, and all of their runs are there.
    """
    folder = tmp_path_factory.mktemp("eight")
    hosts: dict[str, Host] = {}
    random = Random(8)
    with ExitStack() as stack:
        for number in range(HOSTS):
            name = f"gpu-{number}"
            mode = "viewer" if number == 0 else "sftp" if number % 3 == 0 else "agent"
            account = server_account if number == 0 else stack.enter_context(make_account())
            (folder / name).mkdir()
            clock = stack.enter_context(own_clock(account)) if name == WILD else None
            options = ONLY_SFTP if mode == "sftp" else {"SetEnv": clock.environ} if clock else {}
            server = stack.enter_context(run_server(account, folder / name, options=options))
            prepare_root(server.runs, now=time.time())
            host = Host(name, mode, server, stack.enter_context(run_link(server.sshd.port)), clock=clock)
            for run in range(RUNS):
                host.add(run, STATES[2] if run % 50 == 0 else STATES[run % 2], random)
            account.give(server.runs)
            hosts[name] = host
        (folder / "home").mkdir()
        viewer = stack.enter_context(run_viewer(folder / "root", folder / "home"))
        saved = []
        for host in hosts.values():
            accept(viewer, connect(viewer, login_by(host.server, host.link)))
            saved.append(host.server.target(port=host.link.port, name=host.name))
        assert viewer.post("/api/remote/connections/saved", saved).json()["ok"] is True
        lab = Lab(viewer, hosts)
        lab.start_all()
        eventually(lab.all_there, COMES_SECS, "all runs of all hosts")
        yield lab
        for session in lab.sessions.values():
            stop(viewer, session)


# --- the oracle -------------------------------------------------------------------------------------------------------

FIELDS = ("created_at", "name", "state", "config.lr", "config.seed", "summary.loss", "host")
Test = Callable[[dict[str, Any]], bool]
FILTERS: dict[str, Test] = {
    "": lambda row: True,
    "config.lr < 0.05": lambda row: bool(row["config.lr"] < 0.05),
    "not state:failed": lambda row: row["state"] != "failed",
    "host:gpu-3 or host:gpu-5": lambda row: row["host"] in ("gpu-3", "gpu-5"),
    "summary.loss >= 0.5 and config.seed = 2": lambda row: (
        (row["summary.loss"] or 0) >= 0.5 and row["config.seed"] == 2
    ),
    "state:running": lambda row: row["state"] == "running",
    "lr4-s": lambda row: "lr4-s" in row["name"],
}


def plain(lab: Lab, sorts: list[str], orders: list[str], query: str) -> list[tuple[Any, ...]]:
    """Return what all rows that match are sorted by, in a plain sort of everything."""
    rows = [row for host in lab.hosts.values() for row in host.rows.values() if FILTERS[query](row)]
    for name, order in reversed(list(zip(sorts, orders, strict=True))):
        there = [row for row in rows if row[name] is not None]
        there.sort(key=lambda row: row[name], reverse=order == "desc")
        rows = there + [row for row in rows if row[name] is None]
    return [tuple(row[name] for name in sorts) for row in rows]


def shown(run: dict[str, Any], sorts: list[str]) -> tuple[Any, ...]:
    def of(name: str) -> Any:
        if name == "created_at":
            return layout.parse_iso(run["created_at"])
        kind, _, key = name.partition(".")
        return run[kind].get(key) if key else run["place"] if name == "host" else run[name]

    return tuple(of(name) for name in sorts)


SORTS = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)
ORDERS = st.lists(st.sampled_from(["asc", "desc"]), min_size=3, max_size=3)


@given(sorts=SORTS, orders=ORDERS, query=st.sampled_from(sorted(FILTERS)), limit=st.sampled_from([7, 100, 500]))
@settings(max_examples=15, deadline=None)
def test_every_page_is_that_of_a_plain_sort_of_everything(
    lab: Lab, sorts: list[str], orders: list[str], query: str, limit: int
) -> None:
    orders = orders[: len(sorts)]
    expected = plain(lab, sorts, orders, query)
    found = lab.pages(limit, 3 * limit, sort=sorts, order=orders, q=query)
    assert [shown(run, sorts) for run in found] == expected[: len(found)]
    assert len({run["id"] for run in found}) == len(found)
    assert lab.listed(sort=sorts, order=orders, q=query, limit=1)["total"] == len(expected)


@given(sorts=SORTS, orders=ORDERS, limit=st.sampled_from([700, 1000]), seed=st.integers(0, 1000))
@settings(max_examples=4, deadline=None)
def test_no_row_is_lost_or_doubled_while_runs_appear_and_end(
    lab: Lab, sorts: list[str], orders: list[str], limit: int, seed: int
) -> None:
    random = Random(seed)
    steady = {(host.name, run_id) for host in lab.hosts.values() for run_id in host.rows}
    numbers = itertools.count(max(int(run_id[9:15]) for _, run_id in steady) + 1)

    def change() -> None:
        for host in random.sample(sorted(lab.hosts.values(), key=lambda each: each.name), 3):
            host.add(next(numbers), random.choice(STATES), random)
            running = sorted(run_id for run_id, row in host.rows.items() if row["state"] == "running")
            for run_id in random.sample(running, min(2, len(running))):
                host.end(run_id)
                steady.discard((host.name, run_id))
            host.server.account.give(host.server.runs)

    found = lab.pages(limit, 10**6, change, sort=sorts, order=orders[: len(sorts)])
    seen = [(run["place"], run["id"].rpartition(":")[2]) for run in found]
    assert sorted(each for each in seen if each in steady) == sorted(steady)
    eventually(lab.all_there, COMES_SECS, "the new runs")


def test_a_black_hole_and_a_host_that_is_far_away_cost_the_others_nothing(lab: Lab) -> None:
    hole, far = lab.hosts["gpu-1"], lab.hosts["gpu-2"]
    others = [name for name in lab.hosts if name not in (hole.name, far.name)]
    try:
        hole.link.stall()
        far.link.rtt_secs = 2.0
        # For a moment it counts as it was seen last.
        eventually(lambda: lab.sources()[hole.name]["state"] in ("late", "away"), COMES_SECS, "the silence")
        random = Random(1)
        for round_ in range(3):
            added = {name: lab.hosts[name].add(5000 + round_, "finished", random) for name in (*others, far.name)}
            for name in added:
                lab.hosts[name].server.account.give(lab.hosts[name].server.runs)
            began = time.monotonic()
            body = lab.listed(limit=500, sort="name", order="asc")
            assert time.monotonic() - began < DEADLINE_SECS + ANSWER_SECS
            assert body["total"] >= HOSTS * RUNS
            stands = {each["host"]: each for each in body["sources"]}
            assert {name: stands[name]["state"] for name in others} == dict.fromkeys(others, "ready")
            assert stands[hole.name]["state"] in ("late", "away")
            assert stands[hole.name]["as_of"] is not None
            assert stands[hole.name]["runs"] == len(hole.rows)

            def new(where: dict[str, str] = added) -> bool:
                rows = lab.listed(limit=100, q=f"config.lr > 0 and host:{others[-1]}", sort="created_at")["sources"]
                return all(
                    {each["host"]: each["runs"] for each in rows}[name] == len(lab.hosts[name].rows)
                    for name in where
                    if name != far.name
                )

            eventually(new, 10, "the new runs of those that answer")
        eventually(lambda: lab.sources()[far.name]["runs"] == len(far.rows), 30, "the new runs of the far one")
    finally:
        hole.link.resume()
        far.link.rtt_secs = 0.0
    eventually(lab.all_there, COMES_SECS, "all runs of all hosts")
    eventually(lambda: {each["state"] for each in lab.sources().values()} == {"ready"}, COMES_SECS, "all of them ready")


def test_a_host_that_comes_and_goes_and_whose_clock_jumps_disturbs_no_other_chart(lab: Lab) -> None:
    steady, wild = lab.hosts["gpu-4"], lab.hosts[WILD]
    assert wild.clock is not None
    with ExitStack() as stack:
        files = {
            host.name: stack.enter_context(growing_run(host.server.runs, f"grows-{host.name}", number=0xAAAA))
            for host in (steady, wild)
        }
        for host in (steady, wild):
            host.server.account.give(host.server.runs)
        run_id = "20261120-100000-00aaaa"
        where = {name: f"{lab.sources()[name]['id']}:{run_id}" for name in files}
        eventually(
            lambda: {run["place"] for run in lab.listed(q="grows")["runs"]} == set(files), COMES_SECS, "both runs"
        )
        points: dict[str, list[int]] = {address: [] for address in where.values()}
        ends = threading.Event()

        def ahead_secs() -> float:
            told = {each["host"]: each for each in lab.viewer.get("/api/machines").json()["machines"]}
            return told[wild.name]["clock_ahead_secs"] or 0.0

        def follow() -> None:
            params = {"run": list(where.values()), "metric": "train/loss"}
            with lab.viewer.client.stream("GET", "/api/live", params=params, timeout=60) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: ") and '"metrics"' in line:
                        data = json.loads(line[6:])
                        points[data["run"]] += data["metrics"].get("train/loss", {}).get("step", [])
                    if ends.is_set():
                        return

        following = threading.Thread(target=follow)
        following.start()
        try:
            mine = points[where[steady.name]]
            eventually(lambda: all(points.values()), 20, "points of both")
            first = mine[0]
            status = wild.server.runs / layout.run_path(run_id, layout.STATUS_FILE)
            for jump_secs in (86_400, -86_400, 7200):
                # Its own clock, as its programs and its runs have it.
                wild.clock.set_ahead(jump_secs)
                beat = layout.iso(time.time() + jump_secs)
                status.write_text(json.dumps({"state": "running", "heartbeat_at": beat}))
                eventually(lambda jump_secs=jump_secs: abs(ahead_secs() - jump_secs) < 30, 20, "its clock as it is now")
                before = len(mine)
                eventually(lambda before=before: len(mine) > before + 10, 10, "points of the steady one")
                wild.link.cut()
                before = len(mine)
                eventually(lambda before=before: len(mine) > before + 10, 10, "points of the steady one")

                def runs_on(beat: str = beat) -> bool:
                    (row,) = lab.listed(q=f"grows-{wild.name}")["runs"]
                    return row["heartbeat_at"] == beat and row["state"] == "running"

                eventually(runs_on, COMES_SECS, f"a run whose clock jumped by {jump_secs} s")
            assert mine == list(range(first, first + len(mine))), "none is lost or doubled, and they are in order"
            eventually(lambda: lab.sources()[wild.name]["state"] == "ready", COMES_SECS, "the wild one")
            others = points[where[wild.name]]
            eventually(lambda: others[-1] >= recorded(files[wild.name]) - 30, COMES_SECS, "what came in between")
            assert others == list(range(others[0], others[0] + len(others)))
        finally:
            ends.set()
            following.join(30)
            wild.clock.set_ahead(0)
            for host in (steady, wild):
                shutil.rmtree(host.server.runs / layout.run_path(run_id), ignore_errors=True)
