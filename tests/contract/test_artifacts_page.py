"""The page on artifacts says what is true: its code runs as it stands there."""

import re
from pathlib import Path

import runicorn as rn
from runicorn.sdk.api import current_run

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "artifacts.md"


def test_the_pages_code_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNICORN_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)
    for path in ("images/1.png", "checkpoints/best.pt", "tokenizer/words.txt", "best.pt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    with rn.init() as earlier:
        earlier.log_artifact("images", name="imagenet-mini")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 - the page's own code
    rn.finish()
    assert len(blocks) == 3
    assert (names["data"] / "1.png").read_text() == "images/1.png"
    assert str(names["logged"]) == "bundle:v0"
    assert (tmp_path / "inputs" / "labels.txt").read_text() == "cat\ndog\n"
    assert current_run().warnings.counts() == {}
