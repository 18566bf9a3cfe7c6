"""Every filter that docs/how-to/find-and-compare-runs.md shows is one."""

import re
from pathlib import Path

from runicorn.storage.query import parse_query
from runicorn.storage.query_fields import METRIC_PREFIXES
from runicorn.storage.query_times import Moment

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "find-and-compare-runs.md"


def shown() -> list[str]:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "`" in line]
    cells = [re.split(r"(?<!\\)\|", row)[2] for row in rows]
    return [code.replace("\\|", "|") for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def test_what_the_page_shows_is_understood() -> None:
    queries = shown()
    assert len(queries) > 20
    for query in queries:
        alone = query.startswith(METRIC_PREFIXES) and " " not in query
        parse_query(f"{query} > 0" if alone else query, Moment(1.8e9))


def test_it_shows_every_operator() -> None:
    text = " ".join(shown())
    for operator in (" < ", " >= ", " = ", " ~ ", " !~ ", " or ", " and ", "not ", "(", "tag:", "state:"):
        assert operator in text
