"""The page on the storage format says what is true: its code runs, its names exist."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

import runicorn as rn
from runicorn.storage import layout, records

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "storage-format.md"


@pytest.fixture
def text():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path):
    with rn.init("a/b", root=tmp_path, config={"lr": float("nan")}) as opened:
        for step in range(5):
            opened.log({"loss": step * 0.5, "acc": 1.0})
        print("hello")
    with rn.init(root=tmp_path, id=opened.id, resume=True) as resumed:
        resumed.log({"loss": 9.0})
    return resumed


def test_the_pages_ten_lines_of_numpy_read_a_metric(text, run):
    code, _ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 12
    names = {"run": str(run.dir)}
    exec(code, names)  # noqa: S102 - the page's own code
    assert names["loss"]["value"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 9.0]
    assert names["loss"]["step"].tolist() == [0, 1, 2, 3, 4, 5]


def test_the_page_tells_when_a_line_was_printed(text, tmp_path):
    _, code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    before = time.time()
    with rn.init(root=tmp_path, system_metrics=False) as run:
        print("first")
        time.sleep(1.1)
        between = time.time()
        print("second")
    log = (run.dir / "console.log").read_bytes()
    times = {}
    for line in (b"first", b"second"):
        names = {"run": str(run.dir), "byte": log.index(line)}
        exec(code, names)  # noqa: S102 - the page's own code
        times[line] = float(names["written_at"])
    assert before <= times[b"first"] < between <= times[b"second"] <= time.time()


def test_the_page_names_every_file_that_a_run_writes(text, run):
    for path in run.dir.iterdir():
        assert path.name in text, path.name
    assert layout.ROOT_FILE in text
    assert json.loads((run.dir.parents[1] / layout.ROOT_FILE).read_text())["format"] == 1


def test_the_page_names_every_field_and_file_of_an_artifact(text, tmp_path):
    with rn.init(root=tmp_path / "root") as run:
        (tmp_path / "model").write_text("weights")
        run.log_artifact(tmp_path / "model", aliases=["best"])
    section = text.split("## artifacts/")[1]
    folder = tmp_path / "root" / "artifacts" / "model"
    for field in json.loads((folder / "v0.json").read_text()):
        assert f"`{field}`" in section, field
    for field in json.loads((folder / "v0.json").read_text())["files"][0]:
        assert f"`{field}`" in section, field
    assert (folder / "aliases" / "best").read_text() == "v0\n"
    for place in ("v0.json", "aliases/best", "blobs/ab/", "`blobs/partial/`"):
        assert place in text


@pytest.mark.parametrize("name", ["run.json", "status.json"])
def test_the_page_names_every_field(text, run, name):
    section = text.split(f"## {name}")[1].split("\n## ")[0]
    for field in json.loads((run.dir / name).read_text()):
        assert f"`{field}`" in section, field


def test_the_page_gives_the_records_layout(text):
    assert f"0x{records.MARK:X}" in text
    rows = re.findall(r"^\| (\d+)-(\d+) \| (\w\d) \| (\w+) \|", text, re.MULTILINE)
    dtype = np.dtype([(name, f"<{kind}") for _, _, kind, name in rows])
    assert dtype.itemsize == records.RECORD_BYTES
    assert [dtype.fields[name][1] for _, _, _, name in rows] == [int(start) for start, _, _, _ in rows]
    packed = records.pack(3, -4, 5.5, 6.5)
    assert np.frombuffer(packed, dtype)[0].tolist() == (records.MARK, 3, -4, 5.5, 6.5)
