"""Records of Python's logging reach the run: into its console, and as alerts where they matter."""

import json
import logging
import sys

import pytest

import runicorn as rn
from runicorn.integrations.logging import RunicornHandler


@pytest.fixture
def logger():
    """A logger of its own, which hands nothing on to pytest's."""
    found = logging.Logger("training")
    found.propagate = False
    yield found


@pytest.fixture
def run(tmp_path):
    with rn.init(root=tmp_path) as opened:
        yield opened


def console(run):
    run.finish()
    return (run.dir / "console.log").read_text()


def alerts(run):
    path = run.dir / "events.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(each["level"], each["title"], each["text"].split(" ", 2)[2]) for each in map(json.loads, lines)]


def test_records_go_into_the_console_and_errors_are_alerts(run, logger):
    logger.addHandler(RunicornHandler())
    logger.info("epoch %d", 1)
    logger.warning("slow")
    logger.error("loss is %s", "nan")
    assert [level for level, _, _ in alerts(run)] == ["error"]
    assert alerts(run)[0][1:] == ("training: loss is %s", "ERROR training: loss is nan")
    assert [line.split(" ", 2)[2] for line in console(run).splitlines()] == [
        "INFO training: epoch 1",
        "WARNING training: slow",
        "ERROR training: loss is nan",
    ]


def test_warnings_are_alerts_when_asked_for_and_the_same_one_comes_once_a_minute(run, logger):
    logger.addHandler(RunicornHandler(alerts=logging.WARNING))
    for step in range(5):
        logger.warning("slow step %d", step)
    assert [(level, text) for level, _, text in alerts(run)] == [("warn", "WARNING training: slow step 0")]


def test_an_exception_comes_with_its_traceback(run, logger):
    logger.addHandler(RunicornHandler())
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("failed")
    assert "Traceback" in alerts(run)[0][2]
    assert "ValueError: no" in console(run)


def test_what_another_handler_prints_is_not_there_twice(run):
    logger = logging.getLogger("runicorn-test-printed")
    printing, ours = logging.StreamHandler(sys.stderr), RunicornHandler()
    logger.addHandler(printing)
    logger.addHandler(ours)
    try:
        logger.warning("once")
        printing.setLevel(logging.ERROR)
        logger.warning("only here")
    finally:
        logger.removeHandler(printing)
        logger.removeHandler(ours)
    assert console(run).count("once") == 1
    assert console(run).count("only here") == 1


def test_without_a_run_nothing_happens(tmp_path, logger):
    rn.finish()
    logger.addHandler(RunicornHandler())
    logger.error("nobody listens")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_formatted_stops_nothing(run, logger, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.addHandler(RunicornHandler())
    logger.error("%d", "no number")
    logger.error("next")
    assert "next" in console(run)
