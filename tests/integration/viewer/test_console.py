"""Looking for something in all that a run printed, and when it was printed, as the API answers it."""

import asyncio
import time

import httpx
import pytest

import runicorn as rn
from runicorn.storage.console_times import encode

LINES = 300_000


@pytest.fixture
def run(root):
    with rn.init("here", id="chatty", root=root, console=False, system_metrics=False) as opened:
        yield opened


@pytest.fixture
def long_console(run):
    text = "".join(
        f"epoch {number // 1000:4d} step {number:8d} loss 0.{number % 997:03d} lr 1.0e-4\n" for number in range(LINES)
    )
    (run.dir / "console.log").write_text(text)
    return text


def search(viewer, **params):
    return viewer.get("/api/runs/chatty/console/search", **params)


def counted(viewer, **params):
    """Ask until all is counted, as the page does; return the total and the number of lines."""
    total, begin = 0, {"from": 0, "line": 0}
    while True:
        found = search(viewer, limit=0, **begin, **params)
        total, begin = total + found["total"], found["counted"]
        if found["complete"]:
            return total + found["unfinished"], found["lines"]


def test_all_lines_are_looked_through(viewer, long_console):
    assert counted(viewer, q="step    12345 ") == (1, LINES)
    assert counted(viewer, q="loss 0.996")[0] == long_console.count("loss 0.996")
    found = search(viewer, q="STEP   150000 ", limit=5)
    (match,) = found["matches"]
    assert (match["line"], match["text"]) == (150_000, "epoch  150 step   150000 loss 0.450 lr 1.0e-4")
    assert long_console.encode()[match["offset"] :].startswith(b"epoch  150 step   150000 ")
    assert search(viewer, q="STEP   150000 ", case=True)["total"] == 0


def test_regular_expressions_and_their_errors(viewer, long_console):
    assert counted(viewer, q=r"loss 0\.99[56]\b", regex=True)[0] == long_console.count(
        "loss 0.995"
    ) + long_console.count("loss 0.996")
    wrong = viewer.get("/api/runs/chatty/console/search", 400, q="(", regex=True)
    assert (wrong["code"], "no regular expression" in wrong["detail"]) == ("INVALID_PATTERN", True)
    assert counted(viewer, q="(") == (0, LINES), "as plain text it is nothing special"


def test_one_that_explodes_is_refused_and_holds_nobody_up(viewer, run):
    (run.dir / "console.log").write_text(("a" * 5000 + "b\n") * 100)

    async def ask():
        async with httpx.AsyncClient(base_url=str(viewer.http.base_url), timeout=30) as client:
            slow = asyncio.create_task(
                client.get("/api/runs/chatty/console/search", params={"q": "(a|aa)+$", "regex": "true"})
            )
            waits = []
            while not slow.done():
                began = time.monotonic()
                await client.get("/api/health")
                waits.append(time.monotonic() - began)
            return await slow, waits

    answer, waits = asyncio.run(ask())
    assert (answer.status_code, answer.json()["code"]) == (400, "PATTERN_TOO_SLOW")
    assert len(waits) > 5
    assert max(waits) < 0.7


def test_pages_of_matches_lead_through_all_of_them(viewer, long_console):
    lines, place = [], {"from": 0, "line": 0}
    while place:
        found = search(viewer, q="loss 0.5", limit=4000, count=False, text=False, **place)
        assert not any("text" in match for match in found["matches"])
        lines += [match["line"] for match in found["matches"]]
        place = found["next"]
    assert lines == [at for at, line in enumerate(long_console.splitlines()) if "loss 0.5" in line]


def test_a_console_that_grows_is_counted_on(viewer, run):
    console = run.dir / "console.log"
    console.write_text("one match\nhalf a ma")
    first = search(viewer, q="match")
    assert (first["total"], first["unfinished"], first["lines"], first["counted"]["from"]) == (1, False, 2, 10)
    with console.open("a") as file:
        file.write("tch\nanother match\n")
    more = search(viewer, q="match", **first["counted"])
    assert (more["total"], [match["line"] for match in more["matches"]]) == (2, [1, 2])


def test_a_run_that_is_not_there(viewer):
    assert viewer.get("/api/runs/nothing/console/search", 404, q="x")["code"] == "RUN_NOT_FOUND"
    assert viewer.get("/api/runs/nothing/console/times", 404)["code"] == "RUN_NOT_FOUND"


def test_a_recorded_run_says_when_it_printed(viewer, root):
    with rn.init("here", id="told", root=root, system_metrics=False) as run:
        began = time.time()
        print("first")
        time.sleep(1.2)
        print("second")
    log = (run.dir / "console.log").read_bytes()
    answer = viewer.get("/api/runs/told/console/times", at=began + 1)
    assert answer["kept"]
    assert answer["offsets"] == [0, log.index(b"second")]
    assert [time_ms / 1000 for time_ms in answer["times"]] == [
        pytest.approx(began, abs=0.5),
        pytest.approx(began + 1.2, abs=0.5),
    ]
    assert (answer["first"], answer["last"]) == tuple(answer["times"])
    assert answer["at"] == 0
    assert viewer.get("/api/runs/told/console/times", at=began + 100)["at"] == log.index(b"second")
    only = viewer.get("/api/runs/told/console/times", **{"from": log.index(b"second")})
    assert only["offsets"] == [log.index(b"second")]


def test_an_older_run_says_that_it_does_not_know(viewer, long_console):
    answer = viewer.get("/api/runs/chatty/console/times", at=0)
    assert (answer["kept"], answer["offsets"], answer["at"]) == (False, [], None)


def test_many_times_come_in_parts(viewer, run):
    (run.dir / "console.log").write_bytes(b"x\n" * 1000)
    (run.dir / "console.times").write_bytes(b"".join(encode(1000.0 + at, 2 * at) for at in range(1000)))
    first = viewer.get("/api/runs/chatty/console/times", limit=300)
    assert (len(first["offsets"]), first["to"]) == (300, 600)
    second = viewer.get("/api/runs/chatty/console/times", limit=1000, **{"from": first["to"]})
    assert (second["offsets"][0], second["offsets"][-1], second["to"]) == (600, 1998, 2000)
