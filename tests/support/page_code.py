"""Pure functions of the page, called from Python: its node runs their TypeScript as it stands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import hatch_build

SOURCE = Path(__file__).parents[2] / "web" / "src"
# NaN is null in JSON, and a function's arrays may be of any kind.
_CALL = """
const { file, calls } = JSON.parse(await new Promise((resolve) => {
  let text = "";
  process.stdin.on("data", (piece) => (text += piece)).on("end", () => resolve(text));
}));
const module = await import(file);
const taken = (one) => (Array.isArray(one) ? one.map((value) => value ?? NaN) : one);
const given = (one) => (ArrayBuffer.isView(one) ? [...one] : one);
process.stdout.write(JSON.stringify(calls.map(([name, ...args]) => given(module[name](...args.map(taken))))));
"""


def call_all(file: str, calls: list[tuple[Any, ...]]) -> list[Any]:
    """Return what functions of a file return, called in one process. calls: a name and its arguments each."""
    question = json.dumps({"file": (SOURCE / file).as_uri(), "calls": calls}).replace("NaN", "null")
    done = subprocess.run(
        [str(hatch_build.node_program()), "--input-type=module", "--eval", _CALL],
        input=question, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found
