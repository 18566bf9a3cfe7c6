"""Notes on a host are changed as a whole, or left as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.agents import run_agent

from runicorn.errors import StorageError
from runicorn.sources.host import HostSource
from runicorn.sources.host_files import HostFiles
from runicorn.storage import reader


def test_notes_that_are_too_large_to_be_read_are_left_as_they_are(tmp_path: Path) -> None:
    run = tmp_path / "root" / "runs" / "20260101-000000-abcdef"
    run.mkdir(parents=True)
    (tmp_path / "root" / "runicorn.json").write_text("{}")
    (run / "run.json").write_text("{}")
    large = json.dumps({"note": "x" * reader.MAX_SMALL_BYTES})
    with run_agent() as agent:
        agent.hello(str(tmp_path / "root"))
        source = HostSource("local", HostFiles(agent), "u@h:22", str(tmp_path / "root"), tmp_path / "cache")
        try:
            assert source.change(run.name, {"note": "first"}).run.note == "first"
            (run / "notes.json").write_text(large)
            with pytest.raises(StorageError, match="too large"):
                source.change(run.name, {"tags": ["a"]})
        finally:
            source.close()
    assert (run / "notes.json").read_text() == large
