"""Tables of the benchmarks: a column for each tool, in brackets how many times ours a figure is."""

from __future__ import annotations

OURS = "runicorn"


def print_table(rows: dict[str, dict[str, float]], width: int) -> None:
    """Print the figures of each tool; `width` is that of their names."""
    print(f"{'':{width}}" + "".join(f"{name:>20}" for name in rows))
    for column, own in rows[OURS].items():
        print(f"{column:{width}}" + "".join(f"{cell(row[column], own, name):>20}" for name, row in rows.items()))


def cell(value: float, ours: float, name: str) -> str:
    """Return a figure with its ratio to ours, where there is one."""
    ratio = "" if name == OURS or not ours else f" ({value / ours:,.1f})"
    return f"{value:,.2f}{ratio}" if 0 < value < 10 else f"{value:,.0f}{ratio}"


def behind(rows: dict[str, dict[str, float]]) -> str:
    """Return in which figures which tool is better than ours, as a sentence."""
    better = [f"{column} ({name})" for name, row in rows.items() for column in row if row[column] < rows[OURS][column]]
    return f"behind in: {', '.join(better)}" if better else "ahead in every column"
