"""The page on what is protected: each of its lines is held by tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| ---"))]


def names_of_tests() -> set[str]:
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("row", ROWS)
def test_each_line_names_tests_that_are_there(row: str) -> None:
    named = re.findall(r"`(test_\w+)`", row)
    assert named, row
    assert set(named) <= names_of_tests()


def test_the_page_has_its_lines() -> None:
    assert len(ROWS) > 15
