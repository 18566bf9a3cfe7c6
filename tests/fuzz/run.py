"""Run one target under a fuzzer that watches which code its bytes reach: `python -m tests.fuzz.run TARGET [OPTIONS]`.

Options are libFuzzer's; scripts/fuzz gives them. Needs atheris, which is in requirements/fuzz.txt alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["runicorn"]):
    from tests.fuzz.targets import SEEDS, TARGETS


def main() -> None:
    name, corpus, *options = sys.argv[1:]
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *options, str(folder)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
