"""Write docs/reference/errors.md from the error catalogue: `python scripts/error_reference.py`."""

from __future__ import annotations

from pathlib import Path

from runicorn.errors import catalogue

PATH = Path(__file__).parent.parent / "docs" / "reference" / "errors.md"
HEAD = """# Errors

Every error answers `{"detail": ..., "code": ..., "hint": ...}`: what happened, its stable code, what to do next. This
page is written by `scripts/error_reference.py` from `src/runicorn/errors`; a test fails when the two differ.

| code | status | what to do |
| --- | --- | --- |
"""


def render() -> str:
    """Return the page: one row for each code, in alphabetical order."""
    rows = sorted((cls.code, cls.http_status, cls.default_hint) for cls in catalogue())
    return HEAD + "".join(f"| `{code}` | {status} | {hint} |\n" for code, status, hint in rows)


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
